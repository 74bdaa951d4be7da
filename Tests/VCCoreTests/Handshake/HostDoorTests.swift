import Testing

@testable import VCCore

@Suite struct HostDoorTests {
    let arena: SecretArena

    init() throws {
        arena = try #require(SecretArena())
    }

    private func at(_ seconds: Double) -> Instant { .zero + .seconds(seconds) }

    /// A J1 with a good share and key, so that nothing but its sid tells it from others.
    private func opening(_ number: UInt64) -> [UInt8] {
        var random = AnyRandomSource(SplitMix64(seed: number &* 77 + 5))
        let joiner = JoinerRig(arena: arena, seed: random.next(), at: .zero)
        return joiner.poll(at: .zero) ?? []
    }

    /// A J2 for the run of `first` that nobody who knows the words would send.
    private func wrongProof(_ first: [UInt8]) -> [UInt8] {
        [JoinMessage.second] + first[2..<18] + [UInt8](repeating: 0x5A, count: 80)
    }

    private func types(_ replies: [(mailbox: UInt32, body: [UInt8])]) -> [UInt8] {
        replies.compactMap(\.body.first)
    }

    private func refusals(_ replies: [(mailbox: UInt32, body: [UInt8])]) -> [JoinRefusal] {
        replies.filter { $0.body[0] == JoinMessage.refusal }
            .compactMap { JoinRefusal(rawValue: $0.body[17]) }
    }

    @Test("locked, full, busy and another version are said before any curve work is done")
    func earlyRefusals() {
        let host = DoorRig(arena: arena)
        // Shares that are no points: any curve work on them would throw, and nothing be answered.
        func hopeless(_ number: UInt8, version: UInt8 = protocolVersion) -> [UInt8] {
            [JoinMessage.first, version] + [UInt8](repeating: number, count: 16)
                + [UInt8](repeating: 0xFF, count: 64)
        }
        let before = arena.slotsInUse
        host.door.setLocked(true)
        #expect(refusals(host.receive(hopeless(1), at: .zero)) == [.locked])
        host.door.setLocked(false)
        host.vacancy = { _ in .full }
        #expect(refusals(host.receive(hopeless(2), at: .zero)) == [.full])
        host.vacancy = { _ in .free }
        let other = host.receive(hopeless(3, version: 2), at: .zero)
        #expect(refusals(other) == [.version])
        #expect(other.first?.body.last == protocolVersion)
        for number in UInt64(0)..<5 {
            let first = opening(number)
            host.receive(first, mailbox: 9, tag: 44, at: at(Double(number)))
            host.receive(wrongProof(first), mailbox: 9, at: at(Double(number)))
        }
        #expect(host.door.failures == 5)
        #expect(refusals(host.receive(hopeless(4), tag: 44, at: at(5))) == [.busy])
        // All runs and their secrets go after their ten seconds.
        _ = host.tick(at: at(20))
        #expect(arena.slotsInUse == before)
    }

    @Test("five failures make a source busy for ten minutes, and no other one")
    func busy() {
        let host = DoorRig(arena: arena)
        for number in UInt64(0)..<5 {
            let first = opening(number)
            host.receive(first, tag: 44, at: at(Double(number)))
            let answer = host.receive(wrongProof(first), tag: 44, at: at(Double(number)))
            #expect(refusals(answer) == [.refused])
        }
        #expect(refusals(host.receive(opening(10), tag: 44, at: at(5))) == [.busy])
        #expect(types(host.receive(opening(11), tag: 45, at: at(5))) == [JoinMessage.hostFirst])
        #expect(refusals(host.receive(opening(12), tag: 44, at: at(599))) == [.busy])
        #expect(types(host.receive(opening(13), tag: 44, at: at(601))) == [JoinMessage.hostFirst])
    }

    @Test("a source that becomes busy while its proofs wait is told so")
    func busyWhileWaiting() {
        let host = DoorRig(arena: arena)
        var answers: [JoinRefusal] = []
        let openings = (UInt64(0)..<7).map { opening($0) }
        for first in openings { host.receive(first, tag: 44, at: .zero) }
        for first in openings {
            answers += refusals(host.receive(wrongProof(first), tag: 44, at: .zero))
        }
        #expect(answers == Array(repeating: .refused, count: 5) + [.busy, .busy])
        #expect(host.door.failures == 5)
    }

    @Test("a new code does not forget which sources guessed too often, nor fill the allowance")
    func busyAcrossCodes() {
        let host = DoorRig(arena: arena)
        for number in UInt64(0)..<5 {
            let first = opening(number)
            host.receive(first, tag: 44, at: .zero)
            host.receive(wrongProof(first), tag: 44, at: .zero)
        }
        let words = Array("new-new-new".utf8)
        host.door.replaceCode(SecretBytes(copying: words.span.bytes, in: arena))
        #expect(host.door.failures == 0, "a new code has its whole budget")
        #expect(refusals(host.receive(opening(9), tag: 44, at: at(0.1))) == [.busy])
        let first = opening(10)
        host.receive(first, tag: 45, at: at(0.1))
        #expect(host.receive(wrongProof(first), tag: 45, at: at(0.1)).isEmpty, "one a second")
        #expect(refusals(host.tick(at: at(1.1))) == [.refused])
    }

    @Test("wrong guesses are opened five at once, then one a second")
    func rate() {
        let host = DoorRig(arena: arena)
        for number in UInt64(0)..<12 {
            let first = opening(number)
            host.receive(first, tag: number, at: .zero)
            host.receive(wrongProof(first), tag: number, at: .zero)
        }
        #expect(host.door.failures == 5)
        for second in 1...4 {
            let due = host.door.timeout(now: at(Double(second) - 0.5)) ?? .zero
            #expect(due > at(Double(second) - 0.01) && due < at(Double(second) + 0.001))
            _ = host.tick(at: at(Double(second) - 0.01))
            #expect(host.door.failures == 4 + second)
            _ = host.tick(at: at(Double(second) + 0.001))
            #expect(host.door.failures == 5 + second)
        }
    }

    @Test("32 runs and 20 J1 a second at most; a run lives ten seconds")
    func limits() {
        let host = DoorRig(arena: arena)
        var answered = 0
        for number in UInt64(0)..<25 {
            answered += host.receive(opening(number), at: .zero).count
        }
        #expect(answered == 20)
        for number in UInt64(25)..<50 {
            answered += host.receive(opening(number), at: at(1)).count
        }
        #expect(answered == 32)
        #expect(host.door.timeout(now: at(1)) == at(10))
        #expect(host.receive(opening(60), at: at(9.9)).isEmpty)
        #expect(host.receive(opening(61), at: at(10)).count == 1)
        // The run of the first J1 is gone: its proof is for nobody.
        #expect(host.receive(wrongProof(opening(0)), at: at(10.1)).isEmpty)
        #expect(host.door.failures == 0)
    }

    @Test("a source with all 32 runs makes way for one that has none")
    func placesAreFair() {
        let host = DoorRig(arena: arena)
        for number in UInt64(0)..<32 {
            host.receive(opening(number), tag: 1, at: at(number < 20 ? 0 : 1))
        }
        #expect(types(host.receive(opening(40), tag: 2, at: at(2.5))) == [JoinMessage.hostFirst])
        #expect(host.receive(opening(41), tag: 1, at: at(2.5)).isEmpty)
    }

    @Test("new words: the old code is refused, runs under way end, the new one opens")
    func newWords() throws {
        let host = DoorRig(arena: arena)
        let under = JoinerRig(arena: arena, seed: 5, at: .zero)
        let first = try #require(under.poll(at: .zero))
        under.receive(
            try #require(host.receive(first, mailbox: 8, at: .zero).first?.body), at: .zero)
        let words = Array("new-new-new".utf8)
        host.door.replaceCode(SecretBytes(copying: words.span.bytes, in: arena))
        for reply in host.tick(at: .zero) { under.receive(reply.body, at: .zero) }
        #expect(under.machine.failure == .refused(.refused))
        let old = JoinerRig(arena: arena, seed: 6, at: .zero)
        runJoin(host, old)
        #expect(old.machine.failure == .refused(.refused))
        let new = JoinerRig(arena: arena, seed: 7, words: words, at: at(1))
        runJoin(host, new, from: at(1))
        #expect(new.transcript != nil)
    }

    @Test("wrong guesses from ever new sources open the code's budget exactly, then it is retired")
    func budget() {
        do {
            let host = DoorRig(arena: arena)
            let first = opening(1)
            var opened = 0
            var sent: UInt64 = 0
            for second in 0..<(runsEverything ? 5_000 : 1_000) {
                for _ in 0..<2 {
                    let now = at(Double(second))
                    var body = first
                    sent += 1
                    for byte in 0..<8 {
                        body[2 + byte] = UInt8(truncatingIfNeeded: sent >> UInt64(8 * byte))
                    }
                    host.receive(body, mailbox: UInt32(sent), tag: sent, at: now)
                    let answers = host.receive(
                        wrongProof(body), mailbox: UInt32(sent), tag: sent, at: now)
                    opened += refusals(answers).count { $0 == .refused }
                }
            }
            #expect(sent == (runsEverything ? 10_000 : 2_000))
            #expect(opened == 1_000 && host.guesses == 1_000 && host.door.failures == 1_000)
            #expect(host.wasRetired && host.welcomed.isEmpty)
            // A spent code lets nobody in, not even who knows it, until it was replaced.
            let late = JoinerRig(arena: arena, seed: 4, at: at(6_000))
            runJoin(host, late, from: at(6_000))
            #expect(late.machine.failure != nil && host.welcomed.isEmpty)
        }
        #expect(arena.slotsInUse == 0)
    }

    @Test("the door of a one-time code opens once; who comes after that is refused with 77")
    func oneTime() throws {
        let host = DoorRig(arena: arena, isOneTime: true)
        let under = JoinerRig(arena: arena, seed: 8, at: .zero)
        let first = try #require(under.poll(at: .zero))
        let opened = try #require(host.receive(first, mailbox: 8, at: .zero).first?.body)
        let guest = JoinerRig(arena: arena, seed: 9, at: .zero)
        runJoin(host, guest)
        #expect(guest.transcript != nil && host.door.isUsed)
        // One that had its H1 before proves the same words, too late.
        under.receive(opened, at: .zero)
        let proof = try #require(under.poll(at: .zero))
        for reply in host.receive(proof, mailbox: 8, at: .zero) {
            under.receive(reply.body, at: .zero)
        }
        #expect(under.machine.failure == .refused(.refused))
        let late = JoinerRig(arena: arena, seed: 10, at: at(1))
        runJoin(host, late, from: at(1))
        #expect(late.machine.failure == .refused(.refused))
        #expect(host.welcomed.count == 1 && host.door.failures == 0)
    }

    @Test("a one-time code stands five wrong guesses")
    func oneTimeBudget() {
        let host = DoorRig(arena: arena, isOneTime: true)
        for number in UInt64(0)..<8 {
            let first = opening(number)
            host.receive(first, tag: number, at: at(Double(number)))
            host.receive(wrongProof(first), tag: number, at: at(Double(number)))
        }
        #expect(host.door.failures == 5 && host.wasRetired)
    }

    @Test("locking refuses also who has its H1 already")
    func lockOnTheWay() throws {
        let host = DoorRig(arena: arena)
        let under = JoinerRig(arena: arena, seed: 8, at: .zero)
        let first = try #require(under.poll(at: .zero))
        under.receive(try #require(host.receive(first, at: .zero).first?.body), at: .zero)
        host.door.setLocked(true)
        let proof = try #require(under.poll(at: .zero))
        for reply in host.receive(proof, at: .zero) { under.receive(reply.body, at: .zero) }
        #expect(under.machine.failure == .refused(.locked))
        #expect(host.welcomed.isEmpty)
    }

    @Test("failures that were counted before are part of the budget")
    func inheritedFailures() {
        let host = DoorRig(arena: arena, failures: 999)
        let first = opening(1)
        host.receive(first, at: .zero)
        host.receive(wrongProof(first), at: .zero)
        #expect(host.door.failures == 1_000 && host.wasRetired)
    }

    @Test(
        "once 30 flooding sources guessed wrong, who knows the words is in within three seconds",
        arguments: [41, 47, 70, 100, 140])
    func fairness(arrival: Double) {
        let host = DoorRig(arena: arena)
        var floods = (1...30).map { FloodingSource(tag: UInt64($0)) }
        var joiner: JoinerRig?
        var now = Instant.zero
        var tick = 0
        while now < at(arrival) + .seconds(5) {
            if joiner == nil, now >= at(arrival) { joiner = JoinerRig(arena: arena, at: now) }
            for index in floods.indices where (tick + index) % 5 == 0 {
                floods[index].step(host, at: now)
            }
            tick += 1
            if let joiner {
                var replies = host.tick(at: now)
                while let message = joiner.poll(at: now) {
                    replies += host.receive(message, mailbox: 7_777, tag: 7_777, at: now)
                }
                for reply in replies where reply.mailbox == 7_777 {
                    joiner.receive(reply.body, at: now)
                }
                if joiner.hasEnded { break }
            }
            now = now + .milliseconds(50)
        }
        #expect(joiner?.transcript != nil, "\(String(describing: joiner?.machine.failure))")
        #expect(joiner?.machine.attempt == 1)
        #expect(now <= at(arrival) + .seconds(3))
        #expect(host.door.failures >= 30, "the flood went on")
    }
}

/// A source that opens a run after the other, and proves each with garbage.
private struct FloodingSource {
    let tag: UInt64
    var number: UInt64 = 0
    var first: [UInt8] = []

    mutating func step(_ host: DoorRig, at now: Instant) {
        number += 1
        first =
            [JoinMessage.first, protocolVersion]
            + (0..<8).map { UInt8(truncatingIfNeeded: number >> UInt64(8 * $0)) }
            + (0..<8).map { UInt8(truncatingIfNeeded: tag >> UInt64(8 * $0)) }
            // The generator of ristretto255: a share like any other.
            + FloodingSource.share + [UInt8](repeating: UInt8(tag), count: 32)
        let answers = host.receive(first, mailbox: UInt32(tag), tag: tag, at: now)
        guard answers.contains(where: { $0.body[0] == JoinMessage.hostFirst }) else { return }
        host.receive(
            [JoinMessage.second] + first[2..<18] + [UInt8](repeating: 1, count: 80),
            mailbox: UInt32(tag), tag: tag, at: now)
    }

    private static let share = [UInt8](
        hex: "e2f2ae0a6abc4e71a884a961c500515f58e30b6aa582dd8db6a65945e08d2d76")
}
