import Testing

@testable import VCCore

@Suite struct FailoverTests {
    private let direct = Endpoint(ipv4: 0xCB00_7101, port: 5_000)
    private let other = Endpoint(ipv4: 0xCB00_7102, port: 5_000)
    private let relay = Endpoint(ipv4: 0xC633_6402, port: 4_461)
    private let second = Endpoint(ipv4: 0xC633_6403, port: 4_461)

    /// A pair on its direct path, with a relay that is warm.
    private func settled(relayTrip: Duration = .milliseconds(40), misses: Int = 2) -> PathRig {
        var rig = PathRig()
        rig.machine = PathMachine(misses: misses)
        rig.answering = [direct: .milliseconds(10), relay: relayTrip]
        rig.machine.addRelay(relay, now: rig.now)
        rig.offer([direct])
        rig.run(for: .seconds(3))
        #expect(rig.selected == direct)
        return rig
    }

    @Test("the call begins on a relay, and moves up with the first answer of a direct path")
    func upgrade() {
        var rig = PathRig()
        rig.answering = [relay: .milliseconds(5)]
        rig.machine.addRelay(relay, now: rig.now)
        rig.run(for: .seconds(1))
        #expect(rig.selected == relay)
        rig.answering[direct] = .milliseconds(60)
        rig.offer([direct])
        rig.run(for: .milliseconds(59))
        #expect(rig.selected == relay)
        rig.run(for: .milliseconds(3))
        #expect(rig.selected == direct, "slower than the relay, and still the better rung")
    }

    @Test("a relay over TCP is the last resort")
    func overTCP() {
        var rig = PathRig()
        rig.answering = [relay: .milliseconds(90), second.over(.tcp): .milliseconds(5)]
        rig.machine.addRelay(second.over(.tcp), now: rig.now)
        rig.run(for: .seconds(1))
        #expect(rig.machine.selected?.rung == .tcp)
        rig.machine.addRelay(relay, now: rig.now)
        rig.run(for: .milliseconds(200))
        #expect(rig.machine.selected?.rung == .relay)
    }

    @Test("450 ms without a packet, 120 ms in speech: the call goes on over the relay")
    func silence() {
        for (expectsVoice, limit) in [(false, 450), (true, 120)] {
            var rig = settled()
            rig.hearCall(expectsVoice: expectsVoice)
            rig.run(for: .milliseconds(limit - 1), isAlive: false)
            #expect(rig.selected == direct && rig.machine.silence.since == nil)
            rig.run(for: .milliseconds(2), isAlive: false)
            #expect(rig.selected == relay && rig.machine.silence.since != nil)
        }
    }

    @Test("as many keepalives may be missing as the person says", arguments: [2, 3, 10])
    func misses(count: Int) {
        for (expectsVoice, limit) in [(false, 200 * count + 50), (true, 60 * count)] {
            var rig = settled(misses: count)
            rig.hearCall(expectsVoice: expectsVoice)
            rig.run(for: .milliseconds(limit - 1), isAlive: false)
            #expect(rig.selected == direct && rig.machine.silence.since == nil)
            rig.run(for: .milliseconds(2), isAlive: false)
            #expect(rig.selected == relay && rig.machine.silence.since != nil)
        }
    }

    @Test("what a person may say of keepalives is held within what the others live with")
    func limits() {
        #expect(KeepaliveSettings() == KeepaliveSettings(milliseconds: 200, misses: 2))
        let least = KeepaliveSettings(milliseconds: 1, misses: 0)
        #expect(least.interval == .milliseconds(50) && least.misses == 2)
        let most = KeepaliveSettings(milliseconds: 10_000, misses: 99)
        #expect(most.interval == Peer.keepaliveInterval && most.misses == 10)
        // Before a member counts as lost, its paths were given up and tried again.
        var watch = SilenceWatch(misses: most.misses)
        watch.heard(on: .host, expectsVoice: false, now: .zero)
        #expect(watch.timeout < .zero + Peer.lostAfter / 2)
    }

    @Test("the direct path comes back after three good probes, not before")
    func threeProbes() {
        var rig = settled()
        rig.run(for: .milliseconds(451), isAlive: false)
        #expect(rig.selected == relay)
        let start = rig.now
        while rig.selected == relay, rig.now < start + .seconds(5) {
            rig.run(for: .milliseconds(10))
        }
        #expect(rig.selected == direct)
        let count = rig.times(of: direct, since: start + .milliseconds(-150)).count
        #expect((3...4).contains(count), "\(count) probes")
        #expect(rig.now > start + .milliseconds(550))
    }

    @Test("a doubted path costs at most three packets a second")
    func doubtedRate() {
        var rig = settled()
        rig.answering[direct] = nil
        rig.run(for: .milliseconds(451), isAlive: false)
        let start = rig.now
        rig.run(for: .seconds(10))
        #expect(rig.times(of: direct, since: start).count <= 31)
    }

    @Test("a path that answers probes and falls silent again is left alone for 30 s, then longer")
    func veto() {
        var rig = settled()
        var absences: [Duration] = []
        var left: Instant?
        // Each time it is trusted again it carries nothing.
        for _ in 0..<4_000 {
            rig.run(for: .milliseconds(50))
            if rig.selected == direct {
                rig.machine.peerHearsNothing(on: .relay(relay), now: rig.now)
            }
            if rig.selected == relay, left == nil { left = rig.now }
            if rig.selected == direct, let start = left {
                absences.append(rig.now - start)
                left = nil
            }
        }
        let seconds = absences.map { Int($0.inMilliseconds / 1_000) }
        #expect(seconds.count >= 3 && seconds[0] < 2, "\(seconds)")
        #expect(seconds.count >= 3 && (30...45).contains(seconds[1]), "\(seconds)")
        #expect(seconds.count >= 3 && (60...75).contains(seconds[2]), "\(seconds)")
    }

    @Test("when the peer hears nothing the call moves, once for each round trip")
    func peerHearsNothing() {
        var rig = settled()
        rig.machine.peerHearsNothing(on: .relay(relay), now: rig.now)
        #expect(rig.selected == relay)
        rig.machine.addRelay(second, now: rig.now)
        rig.answering[second] = .milliseconds(41)
        rig.run(for: .milliseconds(60))
        rig.machine.peerHearsNothing(on: .relay(relay), now: rig.now)
        #expect(rig.selected == relay, "what it says is about the old way still")
        rig.run(for: .milliseconds(250))
        rig.machine.peerHearsNothing(on: .relay(relay), now: rig.now)
        #expect(rig.selected == second)
    }

    @Test("when everything is silent, the first answer says where to go on")
    func firstAnswer() {
        var rig = settled()
        rig.answering = [:]
        rig.run(for: .seconds(3), isAlive: false)
        rig.answering[direct] = .milliseconds(10)
        let start = rig.now
        while rig.selected != direct, rig.now < start + .seconds(2) {
            rig.run(for: .milliseconds(10), isAlive: false)
        }
        #expect(rig.now - start < .milliseconds(500))
    }

    @Test("a draining relay is left while it still forwards, and is nobody's next choice")
    func draining() {
        var rig = PathRig()
        rig.answering = [relay: .milliseconds(5), second: .milliseconds(30)]
        rig.machine.addRelay(relay, now: rig.now)
        rig.machine.addRelay(second, now: rig.now)
        rig.run(for: .seconds(1))
        #expect(rig.selected == relay)
        rig.machine.setDraining(relay, now: rig.now)
        #expect(rig.selected == second)
        rig.run(for: .seconds(30))
        #expect(rig.selected == second)
    }

    @Test("a relay that does not know us any more carries nothing")
    func removed() {
        var rig = settled()
        rig.machine.peerHearsNothing(on: .relay(relay), now: rig.now)
        #expect(rig.selected == relay)
        rig.machine.removeRelay(relay, now: rig.now)
        #expect(rig.selected != relay)
    }

    @Test("the own NAT is opened by a packet that dies early, and the peer is probed 50 ms later")
    func opening() {
        var rig = PathRig()
        let start = rig.now
        let near = Endpoint(ipv4: 0x0A00_0001, port: 5_000)
        rig.machine.setCandidates(
            CandidateList(
                accepting: [direct, near],
                local: LocalAddresses(addresses: [near.with(port: 0)], allowsLoopback: false)),
            lead: PathMachine.openingLead, now: rig.now)
        rig.run(for: .milliseconds(200))
        #expect(rig.openings.map(\.to) == [direct], "nothing to open before a neighbour")
        #expect(rig.openings.first?.time == start)
        #expect(rig.times(of: direct, since: start).first == 50)
        #expect(rig.times(of: near, since: start).first == 0)
    }

    @Test("who waits for the peer to be ready goes on as soon as it is heard")
    func waitsForPeer() {
        var rig = PathRig()
        let start = rig.now
        rig.offer([direct], lead: PathMachine.openingPatience)
        rig.run(for: .milliseconds(80))
        #expect(rig.times(of: direct, since: start).isEmpty && rig.openings.count == 1)
        rig.machine.begin(now: rig.now)
        rig.run(for: .milliseconds(1))
        #expect(rig.times(of: direct, since: start).first == 80)
        var unheard = PathRig()
        unheard.offer([direct], lead: PathMachine.openingPatience)
        unheard.run(for: .milliseconds(400))
        #expect(unheard.times(of: direct, since: start).first == 300)
    }

    // MARK: Loss

    /// Reports a loss of `percent` each half second.
    private func report(
        _ rig: inout PathRig, percent: UInt32, for seconds: Int, _ counts: inout (UInt32, UInt32)
    ) {
        for _ in 0..<seconds * 2 {
            counts.0 += 50 - percent / 2
            counts.1 += percent / 2
            rig.machine.report(received: counts.0, lost: counts.1, now: rig.now)
            rig.run(for: .milliseconds(500))
        }
    }

    @Test("a direct path that loses a fifth gives way to a clean relay")
    func lossy() {
        var rig = settled()
        var counts: (UInt32, UInt32) = (0, 0)
        report(&rig, percent: 4, for: 10, &counts)
        #expect(rig.selected == direct, "a little loss is no reason")
        for _ in 0..<5 where rig.selected == direct { report(&rig, percent: 20, for: 1, &counts) }
        #expect(rig.selected == relay)
        report(&rig, percent: 0, for: 20, &counts)
        #expect(rig.selected == relay)
        #expect(rig.machine.hasFailedDirect)
    }

    @Test("a relay that loses as much is no reason to stay there")
    func equallyLossy() {
        var rig = settled()
        var counts: (UInt32, UInt32) = (0, 0)
        report(&rig, percent: 20, for: 4, &counts)
        #expect(rig.selected == relay)
        report(&rig, percent: 20, for: 4, &counts)
        #expect(rig.selected == direct)
        report(&rig, percent: 20, for: 30, &counts)
        #expect(rig.selected == direct, "and it is not tried again at once")
    }

    @Test("whatever a peer says it counted is borne")
    func extremeCounts() {
        let extremes: [UInt32] = [0, 1, .max / 2 + 1, .max - 1, .max]
        for first in extremes {
            for second in extremes {
                var rig = settled()
                for (received, lost) in [(first, second), (second, .max), (.max, .max), (0, 0)] {
                    rig.machine.report(received: received, lost: lost, now: rig.now)
                    rig.run(for: .milliseconds(2_100))
                }
                #expect(rig.selected != nil)
            }
        }
    }

    @Test("without another way, losses are borne")
    func noOtherWay() {
        var rig = PathRig()
        rig.answering = [direct: .milliseconds(10)]
        rig.offer([direct])
        rig.run(for: .seconds(3))
        var counts: (UInt32, UInt32) = (0, 0)
        report(&rig, percent: 40, for: 20, &counts)
        #expect(rig.selected == direct)
    }
}
