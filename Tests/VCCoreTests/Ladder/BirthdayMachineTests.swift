import Testing
import VCTestKit

@testable import VCCore

/// The agreement on many ports, and who sends what and how much of it.
@Suite struct BirthdayMachineTests {
    private static let asker = Endpoint(ipv4: 0xCB00_7101, port: 40_000)
    private static let opener = Endpoint(ipv4: 0xCB00_7202, port: 50_000)
    /// What each of the two proves to the other one.
    private static let askerSubject = Block16(high: 1, low: 0)
    private static let openerSubject = Block16(high: 2, low: 0)

    /// Both sides, and a vc-signal that answers at once.
    private struct Rig {
        var asks = BirthdayMachine()
        var opens = BirthdayMachine()
        var now = Instant.zero + .seconds(100)
        var random: AnyRandomSource
        /// Where vc-signal sees the two.
        var seen = [asker, opener]
        /// What it says about what it did not say itself.
        var trusts = false
        var passesOffer = true
        var passesAccept = true
        var verifies = true
        var hops: UInt8? = 2
        var outcomes: [BirthdayMachine.Outcome] = []
        var begun: [Int] = []
        /// Packets of the two, with their times.
        var probes: [(time: Instant, probe: BirthdayMachine.Probe)] = []
        var openings: [(time: Instant, probe: BirthdayMachine.Probe)] = []
        /// What the two show each other in the place of what they were told.
        var shown: [Sighting?] = [nil, nil]

        init(seed: UInt64 = 1) {
            random = AnyRandomSource(SplitMix64(seed: seed))
        }

        mutating func begin() {
            asks.begin(
                with: 2,
                subjects: .init(own: askerSubject, peer: openerSubject), random: &random,
                now: now)
        }

        func sighting(_ side: Int) -> Sighting {
            Sighting(endpoint: seen[side], seal: Block16(high: 77, low: UInt64(side)))
        }

        /// Does what the machines want, until they want nothing more.
        mutating func settle() {
            while true {
                if let (action, _) = asks.pollAction() {
                    perform(action, by: 0)
                } else if let (action, _) = opens.pollAction() {
                    perform(action, by: 1)
                } else {
                    return
                }
            }
        }

        private mutating func perform(_ action: BirthdayMachine.Action, by side: Int) {
            switch action {
            case .requestSight(let subject):
                let sighting = sighting(side)
                if side == 0 {
                    asks.sighted(sighting, subject: subject, now: now)
                } else {
                    opens.sighted(sighting, subject: subject, now: now)
                }
            case .verify(let shown, let subject):
                guard verifies else { return }
                let isTrue =
                    trusts
                    || shown == sighting(1 - side)
                        && subject == [openerSubject, askerSubject][side]
                if side == 0 {
                    asks.verified(isTrue, subject: subject, now: now)
                } else {
                    opens.verified(isTrue, subject: subject, now: now)
                }
            case .offer(let sighting):
                guard passesOffer else { return }
                opens.takeOffer(
                    shown[0] ?? sighting, from: 1,
                    subjects: .init(own: openerSubject, peer: askerSubject), hops: hops,
                    random: &random, now: now)
            case .accept(let sighting):
                if passesAccept { asks.takeAccept(shown[1] ?? sighting, from: 2, now: now) }
            case .began: begun.append(side)
            case .ended(let outcome): outcomes.append(outcome)
            }
        }

        /// Lets time pass until nothing is due any more.
        mutating func run(until end: Duration, meeting: (inout Rig) -> Void = { _ in }) {
            let last = now + end
            settle()
            while true {
                let next = min(asks.timeout, opens.timeout)
                guard next <= last else {
                    now = last
                    return
                }
                now = max(now, next)
                asks.handleTimeout(now: now)
                opens.handleTimeout(now: now)
                settle()
                while let probe = asks.nextProbe(now: now) { probes.append((now, probe)) }
                while let probe = opens.nextProbe(now: now) { openings.append((now, probe)) }
                meeting(&self)
                settle()
            }
        }
    }

    @Test("both agree, one opens 256 ports three times, the other one tries 1,024")
    func agreement() throws {
        var rig = Rig()
        rig.begin()
        rig.run(until: .seconds(60))
        #expect(rig.begun.sorted() == [0, 1])
        #expect(rig.outcomes == [.missed, .missed])
        #expect(rig.probes.count == 1_024)
        #expect(Set(rig.probes.map(\.probe.endpoint)).count == 1_024)
        #expect(rig.probes.allSatisfy { $0.probe.endpoint.hasSameAddress(as: Self.opener) })
        #expect(rig.probes.allSatisfy { $0.probe.endpoint.port >= 1_024 && $0.probe.hops == nil })
        let took = try #require(rig.probes.last).time - (Instant.zero + .seconds(100))
        #expect(took > .seconds(15) && took < .seconds(16))
        #expect(rig.openings.count == 768)
        for round in 0..<3 {
            let part = rig.openings[round * 256..<(round + 1) * 256]
            #expect(part.map(\.probe.endpoint.socket) == Array(0...255))
            #expect(
                part.allSatisfy {
                    $0.probe.endpoint.through(socket: 0) == Self.asker && $0.probe.hops == 2
                })
        }
        #expect(Set((rig.probes + rig.openings).map(\.probe.transaction)).count == 1_792)
    }

    @Test("packets are paced, and a late one is made up for, but not all of them")
    func pace() {
        var rig = Rig()
        rig.begin()
        rig.run(until: .seconds(3))
        for list in [rig.probes, Array(rig.openings.prefix(256))] {
            let least = list.count == 256 ? Duration.milliseconds(2) : .milliseconds(15)
            for (one, next) in zip(list, list.dropFirst()) {
                #expect(next.time - one.time == least)
            }
        }
        rig.now = rig.now + .seconds(5)
        var burst = 0
        while rig.asks.nextProbe(now: rig.now) != nil { burst += 1 }
        #expect(burst == 2)
    }

    @Test("all ports are open before the first probe")
    func openBeforeProbes() throws {
        var rig = Rig()
        rig.begin()
        rig.run(until: .seconds(2))
        let early = try #require(rig.probes.first)
        let late = rig.openings.count { $0.time > early.time }
        // Here messages take no time: a way of 110 ms makes up for the rest.
        #expect(late * 2 < 256)
        #expect(rig.openings.count == 256)
        #expect(rig.opens.sockets == SocketSet(first: 255) && rig.asks.sockets.isEmpty)
    }

    @Test("the first answer ends it, on both sides")
    func hit() {
        var rig = Rig()
        rig.begin()
        rig.run(until: .seconds(40)) { rig in
            guard rig.probes.count == 300, rig.asks.peer != nil else { return }
            let from = Self.asker.through(socket: 99)
            let foreign = Self.asker.with(port: 1)
            let strays = [
                rig.opens.heard(from: 1, at: foreign.through(socket: 99)),
                rig.opens.heard(from: 3, at: from), rig.asks.heard(from: 2, at: Self.asker),
            ]
            #expect(strays == [false, false, false])
            let hits = [
                rig.opens.heard(from: 1, at: from),
                rig.asks.heard(from: 2, at: Self.opener.with(port: 3_333)),
            ]
            #expect(hits == [true, true])
        }
        #expect(rig.outcomes == [.hit, .hit])
        #expect(rig.probes.count == 300)
        #expect(rig.opens.sockets.isEmpty && rig.opens.timeout == .distantFuture)
    }

    @Test("an offer that nobody takes costs no packet, and is made again later and later")
    func refusal() {
        var rig = Rig()
        rig.passesOffer = false
        rig.begin()
        rig.run(until: .seconds(60))
        #expect(rig.outcomes == [.unanswered] && rig.begun.isEmpty && rig.probes.isEmpty)
        var history = BirthdayHistory()
        var waits: [Duration] = []
        for _ in 0..<6 {
            history.end(.unanswered, now: rig.now)
            waits.append(history.next - rig.now)
        }
        #expect(waits == [60, 120, 240, 480, 600, 600].map { .seconds($0) })
        #expect(history.attempts == 0 && history.standing == .none)
    }

    @Test("an attempt is not made again within 10 minutes, whatever became of it")
    func interval() {
        let now = Instant.zero + .seconds(5)
        for outcome in [BirthdayMachine.Outcome.missed, .hit, .cancelled] {
            var history = BirthdayHistory()
            history.begin(now: now)
            #expect(history.standing == .running && history.attempts == 1)
            history.end(outcome, now: now + .seconds(20))
            #expect(history.next == now + .seconds(600))
        }
    }

    @Test("an accept that gets lost leaves one side with open ports only")
    func lostAccept() {
        var rig = Rig()
        rig.passesAccept = false
        rig.begin()
        rig.run(until: .seconds(60))
        #expect(rig.probes.isEmpty && rig.openings.count == 768)
        #expect(rig.outcomes == [.unanswered, .missed])
    }

    @Test("no packet goes where vc-signal did not see the peer", arguments: [0, 1])
    func unattested(_ liar: Int) {
        let bystander = Endpoint(ipv4: 0xCB00_7163, port: 7_777)
        var lies: [Sighting] = []
        let genuine = Rig().sighting(liar)
        lies.append(Sighting(endpoint: bystander, seal: genuine.seal))
        lies.append(Sighting(endpoint: bystander, seal: .zero))
        lies.append(Sighting(endpoint: genuine.endpoint, seal: .zero))
        lies.append(Sighting(endpoint: genuine.endpoint.with(port: 7_777), seal: genuine.seal))
        for lie in lies {
            var rig = Rig()
            rig.shown[liar] = lie
            rig.begin()
            rig.run(until: .seconds(60))
            #expect(rig.probes.isEmpty)
            // The one that asked tells the truth, and is waited for there.
            #expect(liar == 1 || rig.openings.isEmpty)
        }
        var silent = Rig()
        silent.verifies = false
        silent.begin()
        silent.run(until: .seconds(60))
        #expect(silent.probes.isEmpty && silent.openings.isEmpty)
        #expect(Set([silent.outcomes.first, silent.outcomes.last]) == [.unanswered, .unconfirmed])
    }

    @Test(
        "not even vc-signal makes anybody send to what is no address of the internet",
        arguments: [
            Endpoint(ipv4: 0x7F00_0001, port: 5_000), Endpoint(ipv4: 0xC0A8_0101, port: 5_000),
            Endpoint(ipv4: 0xE000_0001, port: 5_000), Endpoint(ipv4: 0xCB00_7101, port: 53),
            Endpoint(ipv4: 0x6440_0001, port: 5_000),
            Endpoint(high: 0x2001_0DB8_0000_0000, low: 1, port: 5_000),
        ])
    func noTarget(_ endpoint: Endpoint) {
        for side in [0, 1] {
            var rig = Rig()
            rig.trusts = true
            rig.shown[side] = Sighting(endpoint: endpoint, seal: .zero)
            rig.begin()
            rig.run(until: .seconds(60))
            #expect(rig.probes.isEmpty && (side == 1 || rig.openings.isEmpty))
            rig = Rig()
            rig.trusts = true
            rig.seen[side] = endpoint
            rig.begin()
            rig.run(until: .seconds(60))
            #expect(rig.probes.isEmpty && (side == 1 || rig.openings.isEmpty))
        }
    }

    @Test("two behind one address do not try")
    func sameNAT() {
        var rig = Rig()
        rig.seen[1] = Self.asker.with(port: 9_999)
        rig.begin()
        rig.run(until: .seconds(60))
        #expect(rig.probes.isEmpty && rig.openings.isEmpty)
    }

    @Test("one at a time: who is busy takes no other offer, and begins with nobody else")
    func oneAtATime() {
        var rig = Rig()
        rig.begin()
        rig.run(until: .seconds(1))
        let subjects = BirthdayMachine.Subjects(own: .zero, peer: .zero)
        let offer = Sighting(endpoint: Endpoint(ipv4: 0xCB00_7109, port: 9_000), seal: .zero)
        rig.opens.takeOffer(
            offer, from: 5, subjects: subjects, hops: nil, random: &rig.random, now: rig.now)
        rig.asks.begin(with: 5, subjects: subjects, random: &rig.random, now: rig.now)
        #expect(rig.opens.peer == 1 && rig.asks.peer == 2)
        let actions = [rig.opens.pollAction()?.action, rig.asks.pollAction()?.action]
        #expect(actions == [nil, nil])
        rig.asks.cancel()
        rig.settle()
        #expect(rig.outcomes == [.cancelled] && rig.asks.timeout == .distantFuture)
    }

    @Test("answers that nobody waits for change nothing")
    func strays() {
        var rig = Rig()
        let sighting = rig.sighting(1)
        rig.asks.takeAccept(sighting, from: 2, now: rig.now)
        rig.asks.sighted(sighting, subject: Self.askerSubject, now: rig.now)
        rig.asks.verified(true, subject: Self.openerSubject, now: rig.now)
        let early = rig.asks.pollAction()?.action
        #expect(rig.asks.peer == nil && early == nil)
        rig.passesOffer = false
        rig.begin()
        rig.settle()
        rig.asks.takeAccept(sighting, from: 3, now: rig.now)
        rig.asks.sighted(sighting, subject: Self.openerSubject, now: rig.now)
        rig.asks.verified(true, subject: Self.openerSubject, now: rig.now)
        rig.asks.verified(true, subject: Self.askerSubject, now: rig.now)
        let (late, isHit) = (
            rig.asks.pollAction()?.action, rig.asks.heard(from: 2, at: Self.opener)
        )
        #expect(late == nil && !isHit)
    }

    @Test("256 ports at random are found with a probability of at least 0.98")
    func chance() {
        var generator = SplitMix64(seed: 42)
        var random = AnyRandomSource(SplitMix64(seed: 43))
        let (runs, range) = (4_000, Int(PortScan.range))
        var hits = 0
        var isOpen = [Bool](repeating: false, count: 65_536)
        for _ in 0..<runs {
            var ports: [Int] = []
            while ports.count < 256 {
                let port = 1_024 + Int(generator.next() % UInt64(range))
                if !isOpen[port] { ports.append(port) }
                isOpen[port] = true
            }
            var scan = PortScan(random: &random)
            while let port = scan.next() {
                guard isOpen[Int(port)] else { continue }
                hits += 1
                break
            }
            for port in ports { isOpen[port] = false }
        }
        #expect(Double(hits) / Double(runs) >= 0.98)
    }

    @Test("256 ports in a row are always found, after 440 probes at most")
    func row() {
        var random = AnyRandomSource(SplitMix64(seed: 5))
        for start in stride(from: 1_024, through: 65_536 - 256, by: 97) {
            var scan = PortScan(random: &random)
            var seen: Set<UInt16> = []
            var found: Int?
            while let port = scan.next() {
                #expect(seen.insert(port).inserted && port >= 1_024)
                if found == nil, (start..<start + 256).contains(Int(port)) { found = scan.count }
            }
            #expect(seen.count == PortScan.maximumPorts)
            #expect((found ?? .max) <= 440, "\(start)")
        }
    }

    @Test("a set of sockets holds what was put into it")
    func socketSet() {
        var set = SocketSet(first: 255)
        #expect((1...255).allSatisfy { set.contains(UInt8($0)) } && !set.contains(0))
        for number in 2...255 { set.remove(UInt8(number)) }
        set.insert(0)
        set.remove(77)
        #expect(set == SocketSet(first: 1) && !set.isEmpty)
        set.remove(1)
        #expect(set.isEmpty && set == SocketSet(first: 0))
    }
}
