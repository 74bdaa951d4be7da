import Testing

@testable import VCCore

/// Every order of what can happen to two or three re-handshakes: each handshake datagram that was
/// ever sent may arrive now, again, late or never; packets may be lost or held back; a message 1
/// may be repeated or replaced. No state may be reached in which a side seals what the other
/// cannot open once it has what is on its way.
@Suite struct RekeyExplorerTests {
    let arena: SecretArena

    init() throws {
        arena = try #require(SecretArena())
    }

    enum Step: Hashable {
        /// The starter is asked for new keys, and begins if it may.
        case begin
        /// Five seconds pass: the starter repeats message 1.
        case wait
        /// More than the lifetime of an unanswered message 1 and of previous keys passes.
        case waitLong
        /// Handshake datagram n of the starter arrives at the other side.
        case toOther(Int)
        /// Handshake datagram n of the other side arrives at the starter.
        case toStarter(Int)
        /// The starter seals a packet that arrives, or is held back.
        case up(held: Bool)
        case down(held: Bool)
        /// What was held back arrives.
        case releaseUp
        case releaseDown
    }

    private struct Run {
        let pair: PairRig
        var now = PairRig.start + .seconds(1)
        var firsts: [[UInt8]] = []
        var seconds: [[UInt8]] = []
        var heldUp: [UInt8]?
        var heldDown: [UInt8]?
        var begins = 0
        var longWaits = 0
        var lastChange = PairRig.start

        mutating func take(_ step: Step) {
            let (starter, other) = (pair.starter, pair.other)
            let before = starter.indices[1]
            // Far enough apart that no limit on the rate speaks: those have tests of their own.
            now = now + .milliseconds(250)
            switch step {
            case .begin:
                begins += 1
                now = now + .seconds(5)
                starter.rekey.handlePlease(now: now)
                note(starter.tick(at: now))
            case .wait:
                now = now + .seconds(5)
                note(starter.tick(at: now))
            case .waitLong:
                longWaits += 1
                now = now + .seconds(21)
                note(starter.tick(at: now))
            case .toOther(let index):
                for answer in other.receive(firsts[index], at: now).answers
                where !seconds.contains(answer) { seconds.append(answer) }
            case .toStarter(let index):
                starter.receive(seconds[index], at: now)
            case .up(let held):
                let packet = starter.seal(at: now)
                if held { heldUp = packet } else if let packet { other.open(packet, at: now) }
            case .down(let held):
                let packet = other.seal(at: now)
                if held { heldDown = packet } else if let packet { starter.open(packet, at: now) }
            case .releaseUp:
                if let packet = heldUp { other.open(packet, at: now) }
                heldUp = nil
            case .releaseDown:
                if let packet = heldDown { starter.open(packet, at: now) }
                heldDown = nil
            }
            starter.slots.expire(now: now)
            other.slots.expire(now: now)
            if starter.indices[1] != before { lastChange = now }
        }

        private mutating func note(_ datagrams: [[UInt8]]) {
            for datagram in datagrams where !firsts.contains(datagram) { firsts.append(datagram) }
        }

        /// What tells states apart.
        var key: String {
            let due = pair.starter.rekey.timeout(pair.starter.slots)
            let held = [heldUp, heldDown].map { $0.map { Array($0[1..<5]) } }
            return "\(pair.starter.indices) \(pair.starter.isConfirmed) \(pair.other.indices) "
                + "\(pair.other.isConfirmed) \(firsts.count) \(seconds.count) \(held) \(begins) "
                + "\(longWaits) \(due <= now) \(due == .zero) \(now - lastChange < .seconds(10))"
        }

        func steps(handshakes: Int) -> [Step] {
            var steps: [Step] = [.up(held: false), .down(held: false), .wait]
            if begins < handshakes { steps.append(.begin) }
            if longWaits < 2 { steps.append(.waitLong) }
            steps += firsts.indices.map { .toOther($0) } + seconds.indices.map { .toStarter($0) }
            steps.append(heldUp == nil ? .up(held: true) : .releaseUp)
            steps.append(heldDown == nil ? .down(held: true) : .releaseDown)
            return steps
        }
    }

    private func replay(_ path: [Step]) -> Run {
        var run = Run(pair: PairRig(arena: arena))
        for step in path { run.take(step) }
        return run
    }

    /// Each side's next packet opens at the other one: in both orders while the old keys still open
    /// what was under way, and in any case once the starter was heard.
    private func check(_ path: [Step]) -> String? {
        let one = replay(path)
        if one.now - PairRig.start > .seconds(170) { return nil }
        guard let up = one.pair.starter.seal(at: one.now) else { return "the starter cannot seal" }
        if one.pair.other.open(up, at: one.now) == nil { return "the starter's packet is lost" }
        guard let down = one.pair.other.seal(at: one.now) else { return "the other cannot seal" }
        if one.pair.starter.open(down, at: one.now) == nil { return "the other's packet is lost" }
        guard one.now - one.lastChange < .seconds(9) else { return nil }
        let two = replay(path)
        guard let early = two.pair.other.seal(at: two.now) else { return "the other cannot seal" }
        if two.pair.starter.open(early, at: two.now) == nil { return "under way, and lost" }
        return nil
    }

    @Test("no order of loss, repetition, replay and delay leaves a side unheard")
    func everyOrder() {
        let (handshakes, limit) = runsEverything ? (3, 60_000) : (2, 3_000)
        var seen: Set<String> = []
        var queue: [[Step]] = [[]]
        var checked = 0
        while checked < min(queue.count, limit) {
            let path = queue[checked]
            checked += 1
            if let problem = check(path) {
                Issue.record("\(problem) after \(path)")
                return
            }
            let run = replay(path)
            guard run.now - PairRig.start < .seconds(150) else { continue }
            for step in run.steps(handshakes: handshakes) {
                let next = replay(path + [step])
                if seen.insert(next.key).inserted { queue.append(path + [step]) }
            }
        }
        // Two handshakes are explored to the end: the number of states says so.
        #expect(checked > 1_000 && (runsEverything || checked == queue.count))
    }

    @Test("long random orders of many re-handshakes leave no side unheard")
    func seeded() throws {
        var renewals = 0
        for seed in UInt64(1)...(runsEverything ? 1_000 : 60) {
            var random = SplitMix64(seed: seed)
            var run = Run(pair: PairRig(arena: arena, seed: seed))
            for _ in 0..<150 {
                let steps = run.steps(handshakes: .max)
                run.longWaits = 0
                let step = steps[Int(random.next(below: UInt32(steps.count)))]
                let before = run.pair.other.indices[1]
                run.take(step)
                if run.pair.other.indices[1] != before { renewals += 1 }
                // Sometimes the network is good for a moment: then both must be heard.
                guard random.next(below: 4) == 0, run.pair.starter.seal(at: run.now) != nil,
                    run.pair.other.seal(at: run.now) != nil
                else { continue }
                let up = try #require(run.pair.starter.seal(at: run.now))
                // Keys that are near their end may be expired at one side only.
                let age = run.now - run.lastChange
                guard age < .seconds(100) else { continue }
                #expect(run.pair.other.open(up, at: run.now) != nil, "seed \(seed)")
                let down = try #require(run.pair.other.seal(at: run.now))
                #expect(run.pair.starter.open(down, at: run.now) != nil, "seed \(seed)")
            }
        }
        #expect(renewals > 50)
    }
}
