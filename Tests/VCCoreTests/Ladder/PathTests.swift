import Testing

@testable import VCCore

/// A path machine, and what it probed when.
struct PathRig {
    var machine = PathMachine()
    var probes: [(time: Instant, to: Endpoint, transaction: UInt64)] = []
    var openings: [(time: Instant, to: Endpoint)] = []
    var now = Instant(nanoseconds: 100_000_000_000)
    private var transaction: UInt64 = 0
    /// When the next packet of the call comes.
    private var nextCall = Instant.zero
    /// Round trips of the addresses that answer.
    var answering: [Endpoint: Duration] = [:]
    private var answers: [(time: Instant, transaction: UInt64)] = []

    mutating func offer(_ endpoints: [Endpoint], lead: Duration = .zero) {
        machine.setCandidates(
            CandidateList(
                accepting: endpoints, local: LocalAddresses(addresses: [], allowsLoopback: false)),
            lead: lead, now: now)
    }

    mutating func heard(_ source: Endpoint, isNewest: Bool = true) -> Bool {
        machine.heard(on: .direct(source), isNewest: isNewest, now: now)
    }

    /// A packet of the call comes on the selected route.
    mutating func hearCall(expectsVoice: Bool = false) {
        guard let route = machine.selected else { return }
        _ = machine.heard(on: route, isNewest: true, now: now)
        machine.silence.heard(on: route, expectsVoice: expectsVoice, now: now)
    }

    var selected: Endpoint? { machine.selected?.endpoint }

    mutating func answered(_ transaction: UInt64) -> Bool {
        machine.answered(transaction, now: now)
    }

    /// Lets time pass, with a packet from the selected path each 100 ms if `isAlive`.
    mutating func run(for limit: Duration, isAlive: Bool = true) {
        let end = now + limit
        while true {
            drain()
            var next = min(machine.timeout ?? .distantFuture, max(nextCall, now))
            for answer in answers { next = min(next, answer.time) }
            next = max(next, now + .microseconds(10))
            guard next <= end else { break }
            now = next
            for answer in answers where answer.time <= now {
                _ = machine.answered(answer.transaction, now: now)
            }
            answers.removeAll { $0.time <= now }
            if now >= nextCall {
                nextCall = now + .milliseconds(100)
                if isAlive { hearCall() }
            }
        }
        now = end
        drain()
    }

    private mutating func drain() {
        while true {
            transaction += 1
            guard let probe = machine.nextProbe(transaction: transaction, now: now) else {
                return
            }
            let endpoint = probe.route.endpoint
            if probe.hops != nil {
                openings.append((now, endpoint))
                continue
            }
            probes.append((now, endpoint, transaction))
            if let trip = answering[endpoint] { answers.append((now + trip, transaction)) }
        }
    }

    func times(of endpoint: Endpoint, since start: Instant) -> [Int] {
        probes.filter { $0.to == endpoint && $0.time >= start }
            .map { Int(($0.time - start).inMilliseconds.rounded()) }
    }

    /// The most probes in any stretch of `length`.
    func most(in length: Duration) -> Int {
        var first = 0
        var most = 0
        for last in probes.indices {
            while probes[first].time + length <= probes[last].time { first += 1 }
            most = max(most, last - first + 1)
        }
        return most
    }
}

@Suite struct PathTests {
    private let one = Endpoint(ipv4: 0xCB00_7101, port: 5_000)
    private let two = Endpoint(ipv4: 0xCB00_7102, port: 5_000)
    private let six = Endpoint(high: 0x2001_0DB8_0000_0001, low: 1, port: 5_000)

    @Test("a silent candidate is probed on the schedule, twice, and then rests for ten minutes")
    func schedule() {
        var rig = PathRig()
        // It is reached in another way.
        rig.answering[two] = .milliseconds(10)
        rig.offer([two])
        rig.run(for: .seconds(6))
        let start = rig.now
        rig.offer([one])
        rig.run(for: .seconds(620))
        let round = [0, 33, 67, 133, 267, 533, 1_067, 2_133, 4_133]
        let times = rig.times(of: one, since: start)
        #expect(times.prefix(18) == (round + round.map { $0 + 5_000 })[...])
        // One more opens the third round, which the rest ends.
        #expect(times.filter { $0 < 610_000 }.count <= 19)
        let rest = times.filter { $0 > 16_000 && $0 < 610_000 }
        #expect(rest.isEmpty, "\(rest)")
        rig.run(for: .seconds(30))
        #expect(rig.times(of: one, since: start).last ?? 0 > 610_000, "and is tried again after it")
    }

    @Test("where nothing else reaches the peer a silent candidate rests for a minute only")
    func onlyWay() {
        var rig = PathRig()
        let start = rig.now
        rig.offer([one])
        rig.run(for: .seconds(620))
        let times = rig.times(of: one, since: start)
        #expect(!times.contains { $0 > 16_000 && $0 < 70_000 })
        #expect(times.contains { $0 > 70_000 && $0 < 90_000 })
        let second = times.filter { $0 > 16_000 }.prefix(9)
        let round = second.map { $0 - (second.first ?? 0) }
        #expect(round == [0, 33, 67, 133, 267, 533, 1_067, 2_133, 4_133], "\(round)")
        #expect(times.count < 120)
        rig.answering[one] = .milliseconds(10)
        rig.run(for: .seconds(80))
        #expect(rig.selected == one)
    }

    @Test(
        "what rests because somebody forwards is tried again within a minute of that one's end",
        arguments: [true, false])
    func lastWay(isHost: Bool) {
        var rig = PathRig()
        let way = isHost ? Route.host : .relay(two)
        rig.answering[way.endpoint] = .milliseconds(10)
        if isHost { rig.machine.addHost(now: rig.now) }
        if !isHost { rig.machine.addRelay(two, now: rig.now) }
        rig.machine.noteForwarders(now: rig.now) { _ in true }
        rig.run(for: .seconds(6))
        #expect(rig.machine.selected == way)
        rig.offer([one])
        rig.run(for: .seconds(30))
        rig.answering = [one: .milliseconds(10)]
        rig.machine.noteForwarders(now: rig.now) { _ in false }
        // A relay may take us again at any time, a host is gone.
        #expect(rig.machine.selected == (isHost ? nil : way))
        rig.run(for: .seconds(61), isAlive: false)
        #expect(rig.selected == one)
    }

    @Test(
        "what forwards is tried each minute however long it was silent, and at once when it is back"
    )
    func silentForwarder() {
        var rig = PathRig()
        let host = Route.host.endpoint
        // With no other way it would not rest for long anyway.
        rig.answering[two] = .milliseconds(10)
        rig.offer([two])
        rig.machine.addHost(now: rig.now)
        let start = rig.now
        rig.run(for: .seconds(400))
        #expect(rig.selected == two)
        let times = rig.times(of: host, since: start) + [400_000]
        let gaps = zip(times, times.dropFirst()).map { $1 - $0 }
        #expect((gaps.max() ?? 0) <= 60_000 && times.count < 100, "\(times)")
        rig.machine.noteForwarders(now: rig.now) { _ in false }
        rig.run(for: .seconds(10))
        rig.machine.noteForwarders(now: rig.now) { _ in true }
        let back = rig.now
        rig.run(for: .seconds(1))
        #expect(rig.times(of: host, since: back).contains { $0 < 50 })
    }

    @Test("an address that answered once is tried each 20 s however long it was silent since")
    func silentKnown() {
        var rig = PathRig()
        let start = rig.now
        // The call stays where it is, so that the other one is given up some time.
        rig.answering = [one: .milliseconds(5), two: .milliseconds(10)]
        rig.offer([one, two])
        rig.run(for: .milliseconds(100))
        #expect(rig.selected == one)
        rig.answering[two] = nil
        rig.run(for: .seconds(300))
        let times = rig.times(of: two, since: start)
        let gaps = zip(times, times.dropFirst()).map { $1 - $0 }
        #expect((gaps.max() ?? 0) <= 20_000 && (times.last ?? 0) > 280_000, "\(times)")
    }

    @Test("nothing is selected before a probe was answered, and only for a true answer")
    func answeredFirst() {
        var rig = PathRig()
        rig.offer([one])
        rig.run(for: .milliseconds(100))
        #expect(rig.selected == nil)
        for _ in 0..<10 { _ = rig.heard(one) }
        #expect(rig.selected == nil, "packets from there are no answer")
        let wrong = rig.answered(999_999)
        #expect(!wrong && rig.selected == nil)
        let probe = rig.probes[0].transaction
        let right = rig.answered(probe)
        #expect(right && rig.selected == one)
        let again = rig.answered(probe)
        #expect(!again, "an answer counts once")
    }

    @Test("an answer after five seconds is too late")
    func lateAnswer() {
        var rig = PathRig()
        rig.offer([one])
        rig.run(for: .seconds(5.2))
        let late = rig.answered(rig.probes[0].transaction)
        #expect(!late && rig.selected == nil)
    }

    @Test("no lists and no churn cost more than 64 probes in 10 s and 200 in a minute")
    func budget() {
        for seed in UInt64(1)...(runsEverything ? 100 : 4) {
            var random = SplitMix64(seed: seed)
            var rig = PathRig()
            for _ in 0..<800 {
                let address = 0xCB00_0000 + random.next(below: 60_000)
                let source = Endpoint(ipv4: address, port: 5_000)
                switch random.next(below: 3) {
                case 0:
                    rig.offer(
                        (0..<8).map { Endpoint(ipv4: address + $0 / 2, port: 5_000 + UInt16($0)) })
                case 1: _ = rig.heard(source)
                default: rig.machine.probeAgain(now: rig.now)
                }
                rig.run(for: .milliseconds(Int64(random.next(below: 400))), isAlive: false)
            }
            #expect(rig.probes.count > 100)
            #expect(rig.most(in: .seconds(10)) <= 64, "seed \(seed)")
            #expect(rig.most(in: .seconds(60)) <= 200, "seed \(seed)")
        }
    }

    @Test("answers of a true address buy no probes for a silent one")
    func refunds() {
        var rig = PathRig()
        rig.answering[one] = .milliseconds(4_900)
        rig.offer([one])
        rig.run(for: .seconds(6))
        for round in 0..<240 {
            let address = 0xCB01_0000 + UInt32(round) * 4
            rig.offer((0..<4).map { Endpoint(ipv4: address + $0, port: 5_000) })
            rig.machine.probeAgain(now: rig.now)
            rig.run(for: .milliseconds(500), isAlive: false)
        }
        rig.probes.removeAll { $0.to == one }
        #expect(rig.most(in: .seconds(10)) <= 64)
        #expect(rig.most(in: .seconds(60)) <= 200)
    }

    @Test("a list within five seconds of the last one waits for its time, and is not forgotten")
    func lists() {
        var rig = PathRig()
        rig.offer([one])
        rig.run(for: .seconds(1))
        let start = rig.now
        rig.offer([six])
        rig.offer([two])
        rig.run(for: .seconds(3.9))
        #expect(rig.times(of: two, since: start).isEmpty)
        rig.run(for: .seconds(0.2))
        #expect(rig.times(of: two, since: start).first == 4_000)
        #expect(rig.times(of: six, since: start).isEmpty, "the last list is what holds")
    }

    @Test("an authentic packet from a new address moves the call only after a challenge")
    func roam() {
        var rig = PathRig()
        rig.answering = [one: .milliseconds(10)]
        rig.offer([one])
        rig.run(for: .seconds(5))
        #expect(rig.selected == one)
        // A spoofed source: probed, and never given our voice.
        let isNew = rig.heard(two)
        #expect(isNew && rig.selected == one)
        rig.run(for: .seconds(5))
        #expect(rig.selected == one && rig.times(of: two, since: .zero).count > 3)
        // A true one, though slower: the call follows its owner.
        rig.answering[six] = .milliseconds(60)
        let start = rig.now
        _ = rig.heard(six)
        rig.run(for: .milliseconds(59))
        #expect(rig.selected == one)
        rig.run(for: .milliseconds(3))
        #expect(rig.selected == six)
        let hasChanged = rig.machine.pollChange()
        #expect(hasChanged)
        // No return to the faster path for two seconds.
        rig.run(for: .milliseconds(1_500))
        rig.machine.probeAgain(now: rig.now)
        rig.run(for: .milliseconds(400))
        #expect(rig.times(of: one, since: start).count >= 1 && rig.now < start + .seconds(2))
        #expect(rig.selected == six)
        rig.run(for: .milliseconds(200))
        rig.machine.probeAgain(now: rig.now)
        rig.run(for: .milliseconds(100))
        #expect(rig.selected == one)
    }

    @Test("a packet that is not the newest shows no new address")
    func oldPacket() {
        var rig = PathRig()
        rig.answering = [one: .milliseconds(10)]
        rig.offer([one])
        rig.run(for: .seconds(1))
        let isNew = rig.heard(two, isNewest: false)
        rig.run(for: .seconds(1))
        #expect(!isNew && rig.times(of: two, since: .zero).isEmpty)
    }

    @Test("a peer that speaks from an address at rest is challenged there, and followed")
    func roamToResting() {
        var rig = PathRig()
        rig.answering = [one: .milliseconds(10)]
        rig.offer([one, two])
        rig.run(for: .seconds(60))
        let before = rig.times(of: two, since: .zero).count
        rig.answering = [two: .milliseconds(10)]
        let start = rig.now
        for _ in 0..<20 {
            _ = rig.heard(two)
            rig.run(for: .milliseconds(50), isAlive: false)
        }
        #expect(rig.selected == two, "not in ten minutes, but at once")
        #expect(rig.times(of: two, since: start).first == 0)
        #expect(before < 25)
        // Whoever only spoofs it gets one probe a second, not one for each packet.
        var spoofed = PathRig()
        spoofed.answering = [one: .milliseconds(10)]
        spoofed.offer([one, two])
        spoofed.run(for: .seconds(60))
        let from = spoofed.now
        for _ in 0..<100 {
            _ = spoofed.heard(two)
            spoofed.run(for: .milliseconds(50))
        }
        #expect(spoofed.times(of: two, since: from).count <= 6)
        #expect(spoofed.selected == one)
    }

    @Test("a path must be 5 ms better to take over; IPv6 counts as 3 ms better")
    func hysteresis() {
        func chosen(_ first: (Endpoint, Double), _ second: (Endpoint, Double)) -> Endpoint? {
            var rig = PathRig()
            rig.answering[first.0] = .milliseconds(first.1)
            rig.offer([first.0])
            rig.run(for: .seconds(6))
            rig.answering[second.0] = .milliseconds(second.1)
            rig.offer([second.0])
            rig.run(for: .seconds(30))
            return rig.selected
        }
        #expect(chosen((one, 40), (two, 36)) == one)
        #expect(chosen((one, 40), (two, 34)) == two)
        #expect(chosen((one, 40), (six, 39)) == one)
        #expect(chosen((one, 40), (six, 37.5)) == six)
        #expect(chosen((six, 40), (one, 33)) == six)
        #expect(chosen((six, 40), (one, 31)) == one)
    }

    @Test("when the selected path falls silent, the next answer of another one takes over at once")
    func failover() {
        var rig = PathRig()
        rig.answering = [one: .milliseconds(10), two: .milliseconds(12)]
        rig.offer([one, two])
        rig.run(for: .seconds(3))
        #expect(rig.selected == one)
        rig.answering[one] = nil
        let start = rig.now
        rig.run(for: .seconds(1), isAlive: false)
        rig.machine.probeAgain(now: rig.now)
        rig.run(for: .milliseconds(20), isAlive: false)
        #expect(rig.times(of: two, since: start).contains(1_000), "valid paths are tried, too")
        #expect(rig.selected == two)
    }

    @Test("the selected path is measured each second, a warm one each ten")
    func measurements() {
        var rig = PathRig()
        rig.answering = [one: .milliseconds(10), two: .milliseconds(12)]
        rig.offer([one, two])
        rig.run(for: .seconds(10))
        let start = rig.now
        rig.run(for: .seconds(60))
        #expect((59...61).contains(rig.times(of: one, since: start).count))
        #expect((5...7).contains(rig.times(of: two, since: start).count))
        #expect(rig.machine.roundTrip == .milliseconds(10))
    }

    @Test("a crowd of new sources pushes out neither the selected path nor another valid one")
    func crowd() {
        var rig = PathRig()
        rig.answering = [one: .milliseconds(10), two: .milliseconds(30)]
        rig.offer([one, two])
        rig.run(for: .seconds(2))
        for source in 0..<200 {
            _ = rig.heard(Endpoint(ipv4: 0xCB02_0000 + UInt32(source), port: 6_000))
            rig.run(for: .milliseconds(20))
        }
        #expect(rig.selected == one)
        rig.answering[one] = nil
        rig.machine.probeAgain(now: rig.now)
        rig.run(for: .seconds(61), isAlive: false)
        #expect(rig.selected == two)
    }
}
