import Testing

@testable import VCCore

@Suite struct RekeyTests {
    let arena: SecretArena

    init() throws {
        arena = try #require(SecretArena())
    }

    private func at(_ seconds: Double) -> Instant { PairRig.start + .seconds(seconds) }

    @Test("keys are renewed between 120 and 125 s of age, by the smaller key only")
    func age() {
        var starts: Set<UInt64> = []
        for seed in UInt64(1)...20 {
            let pair = PairRig(arena: arena, seed: seed)
            #expect(pair.starter.isStarter && !pair.other.isStarter)
            #expect(pair.exchange(at: at(0)))
            #expect(pair.starter.tick(at: at(119.9)).isEmpty)
            let due = pair.starter.rekey.timeout(pair.starter.slots)
            #expect(due >= at(120) && due <= at(125))
            #expect(pair.starter.tick(at: due).count == 1)
            starts.insert(due.nanoseconds)
            #expect(pair.other.tick(at: at(125)).isEmpty && pair.other.wantsPlease == 0)
        }
        #expect(starts.count > 10, "with jitter")
    }

    @Test("the starter waits until its present keys are confirmed, or gone")
    func confirmed() {
        let pair = PairRig(arena: arena)
        #expect(pair.starter.tick(at: at(130)).isEmpty)
        #expect(pair.starter.rekey.timeout(pair.starter.slots) > at(130), "no idle wake-ups")
        pair.starter.rekey.handlePlease(now: at(131))
        #expect(pair.starter.tick(at: at(131)).isEmpty)
        #expect(pair.starter.rekey.timeout(pair.starter.slots) > at(131))
        #expect(pair.starter.tick(at: at(180)).count == 1, "expired")
    }

    @Test("message 1 is repeated with the same bytes at 0.5, 1, 2, 4, 5 s, and replaced after 20")
    func repeats() {
        let pair = PairRig(arena: arena)
        #expect(pair.exchange(at: at(0)))
        var times: [Double] = []
        var messages: [[UInt8]] = []
        var now = at(120)
        while times.count < 9 {
            now = max(now, pair.starter.rekey.timeout(pair.starter.slots))
            for message in pair.starter.tick(at: now) {
                messages.append(message)
                times.append((now - at(0)).inMilliseconds / 1_000)
            }
        }
        let offsets = times.map { (($0 - times[0]) * 10).rounded() / 10 }
        #expect(offsets[..<7] == [0, 0.5, 1.5, 3.5, 7.5, 12.5, 17.5])
        #expect(offsets[7] >= 20 && offsets[7] <= 22.5)
        #expect(Set(messages[..<7]).count == 1)
        #expect(messages[7] != messages[0] && messages[8] == messages[7])
    }

    @Test("the same message 1 is answered with the same message 2, and makes no new keys")
    func sameBytes() throws {
        let pair = PairRig(arena: arena)
        #expect(pair.exchange(at: at(0)))
        pair.starter.rekey.handlePlease(now: at(10))
        let first = try #require(pair.starter.tick(at: at(10)).first)
        let second = pair.other.receive(first, at: at(10)).answers
        let indices = pair.other.indices
        for repetition in 1...3 {
            let again = pair.other.receive(first, at: at(10 + Double(repetition))).answers
            #expect(again == second)
        }
        #expect(pair.other.indices == indices)
        #expect(pair.starter.receive(second[0], at: at(14)).isNew)
        #expect(pair.exchange(at: at(14)))
    }

    @Test("a please or a knock starts a handshake at most each five seconds")
    func requests() throws {
        let pair = PairRig(arena: arena)
        #expect(pair.exchange(at: at(0)))
        _ = try pair.renew(at: at(10))
        pair.starter.rekey.handlePlease(now: at(14.9))
        #expect(pair.starter.tick(at: at(14.9)).isEmpty)
        pair.starter.rekey.handlePlease(now: at(15))
        #expect(pair.starter.tick(at: at(15)).count == 1)
    }

    @Test("the other side asks inside the session when it is old, knocks when it is gone")
    func asks() throws {
        let pair = PairRig(arena: arena)
        #expect(pair.exchange(at: at(0)))
        var pleases: [Double] = []
        var knocks: [Double] = []
        var now = at(0)
        while now < at(200) {
            now = max(now + .milliseconds(1), pair.other.rekey.timeout(pair.other.slots))
            let asked = pair.other.wantsPlease
            let sent = pair.other.tick(at: now)
            let seconds = ((now - at(0)).inMilliseconds / 1_000).rounded()
            if pair.other.wantsPlease > asked { pleases.append(seconds) }
            for knock in sent {
                #expect(knock[1] == HandshakeDatagram.Kind.knock.rawValue)
                knocks.append(seconds)
            }
        }
        #expect(pleases == Array(stride(from: 130, to: 180, by: 5)))
        #expect(knocks == Array(stride(from: 180, through: 200, by: 5)))
        // A knock wakes the starter, whose keys are confirmed.
        let knocker = PairRig(arena: arena, seed: 3)
        #expect(knocker.exchange(at: at(0)))
        knocker.other.slots.wipe()
        let knock = try #require(knocker.other.tick(at: at(1)).first)
        knocker.starter.receive(knock, at: at(1))
        let first = try #require(knocker.starter.tick(at: at(1)).first)
        let second = try #require(knocker.other.receive(first, at: at(1)).answers.first)
        #expect(knocker.starter.receive(second, at: at(1)).isNew)
        #expect(knocker.exchange(at: at(1)))
    }

    @Test("a recorded knock starts one handshake, and none when it is sent again")
    func replayedKnock() throws {
        let pair = PairRig(arena: arena)
        #expect(pair.exchange(at: at(0)))
        pair.other.slots.wipe()
        let knock = try #require(pair.other.tick(at: at(1)).first)
        pair.starter.receive(knock, at: at(1))
        let first = try #require(pair.starter.tick(at: at(1)).first)
        let second = try #require(pair.other.receive(first, at: at(1)).answers.first)
        pair.starter.receive(second, at: at(1))
        #expect(pair.exchange(at: at(1)))
        for time in [7.0, 20, 60, 100] {
            pair.starter.receive(knock, at: at(time))
            #expect(pair.starter.tick(at: at(time)).isEmpty, "the replay at \(time) s")
        }
    }

    @Test("message 1 of an older handshake does nothing, before, during and after a newer one")
    func oldFirst() throws {
        let pair = PairRig(arena: arena)
        #expect(pair.exchange(at: at(0)))
        let old = try pair.renew(at: at(10))
        _ = try pair.renew(at: at(20))
        let settled = pair.other.indices
        #expect(pair.other.receive(old.first, at: at(21)).answers.isEmpty)
        #expect(pair.other.indices == settled)
        pair.starter.rekey.handlePlease(now: at(30))
        let first = try #require(pair.starter.tick(at: at(30)).first)
        let second = try #require(pair.other.receive(first, at: at(30)).answers.first)
        let prepared = pair.other.indices
        #expect(pair.other.receive(old.first, at: at(30.3)).answers.isEmpty)
        #expect(pair.other.indices == prepared)
        #expect(pair.starter.receive(second, at: at(31)).isNew)
        #expect(pair.exchange(at: at(31)))
    }

    @Test("message 2 of an older handshake does not cost the true one")
    func oldSecond() throws {
        let pair = PairRig(arena: arena)
        #expect(pair.exchange(at: at(0)))
        let old = try pair.renew(at: at(10))
        pair.starter.rekey.handlePlease(now: at(20))
        let first = try #require(pair.starter.tick(at: at(20)).first)
        #expect(!pair.starter.receive(old.second, at: at(20)).isNew)
        let second = try #require(pair.other.receive(first, at: at(20)).answers.first)
        #expect(!pair.starter.receive(old.second, at: at(20.2)).isNew)
        #expect(pair.starter.receive(second, at: at(21)).isNew)
        #expect(pair.exchange(at: at(21)))
    }

    @Test("a late answer to a message 1 that was replaced does not cost the answer to the new one")
    func lateSecond() throws {
        let pair = PairRig(arena: arena)
        #expect(pair.exchange(at: at(0)))
        pair.starter.rekey.handlePlease(now: at(10))
        let first = try #require(pair.starter.tick(at: at(10)).first)
        let late = try #require(pair.other.receive(first, at: at(10)).answers.first)
        pair.starter.rekey.handlePlease(now: at(31))
        _ = pair.starter.tick(at: at(31))
        pair.starter.rekey.handlePlease(now: at(36))
        let newer = try #require(pair.starter.tick(at: at(36)).first)
        #expect(newer != first)
        let second = try #require(pair.other.receive(newer, at: at(36)).answers.first)
        #expect(!pair.starter.receive(late, at: at(36)).isNew)
        #expect(pair.starter.receive(second, at: at(36)).isNew)
        #expect(pair.exchange(at: at(36)))
    }

    @Test("message 2 counts once, and neither message reflected to its sender")
    func misdirected() throws {
        let pair = PairRig(arena: arena)
        #expect(pair.exchange(at: at(0)))
        let (first, second) = try pair.renew(at: at(10))
        let (mine, theirs) = (pair.starter.indices, pair.other.indices)
        #expect(!pair.starter.receive(second, at: at(11)).isNew)
        #expect(pair.starter.receive(first, at: at(12)).answers.isEmpty)
        #expect(pair.other.receive(second, at: at(12)).answers.isEmpty)
        #expect(pair.starter.indices == mine && pair.other.indices == theirs)
    }

    @Test("any bit of message 1 or 2 changed, and there are no new keys")
    func everyBit() throws {
        let pair = PairRig(arena: arena)
        #expect(pair.exchange(at: at(0)))
        pair.starter.rekey.handlePlease(now: at(10))
        let first = try #require(pair.starter.tick(at: at(10)).first)
        let before = (pair.starter.indices, pair.other.indices)
        for bit in 0..<first.count * 8 {
            pair.other.receive(first.flipping(bit: bit), at: at(10 + Double(bit)))
        }
        #expect(pair.other.indices == before.1)
        let second = try #require(pair.other.receive(first, at: at(2_000)).answers.first)
        for bit in 0..<second.count * 8 {
            pair.starter.receive(second.flipping(bit: bit), at: at(2_000 + Double(bit)))
        }
        #expect(pair.starter.indices == before.0)
    }

    @Test("a wrong mac1 costs no curve work, and takes nothing from the true messages' allowance")
    func macFirst() throws {
        let pair = PairRig(arena: arena)
        #expect(pair.exchange(at: at(0)))
        pair.starter.rekey.handlePlease(now: at(10))
        let first = try #require(pair.starter.tick(at: at(10)).first)
        for number in 0..<1_000 {
            let forged = first.flipping(bit: 8 * first.count - 1 - number % 128)
            #expect(pair.other.receive(forged, at: at(10)).answers.isEmpty)
        }
        #expect(pair.other.receive(first, at: at(10)).answers.count == 1)
    }

    @Test("recorded messages of the pair, sent again and again, do not keep the true ones out")
    func replayFlood() throws {
        let pair = PairRig(arena: arena)
        #expect(pair.exchange(at: at(0)))
        var recorded: [[UInt8]] = []
        for round in 1...4 {
            let messages = try pair.renew(at: at(Double(round) * 10))
            recorded += [messages.first, messages.second]
        }
        for number in 0..<200 {
            for message in recorded {
                pair.other.receive(message, at: at(60 + Double(number) * 0.001))
                pair.starter.receive(message, at: at(60 + Double(number) * 0.001))
            }
        }
        _ = try pair.renew(at: at(60.2))
    }

    @Test("at most five messages with a good mac1 are looked at in a second")
    func allowance() throws {
        // Good messages 1 of five starters that hold the same keys, as no true pair does.
        var messages: [[UInt8]] = []
        for round in 0..<5 {
            let pair = PairRig(arena: arena)
            #expect(pair.exchange(at: at(0)))
            for _ in 0..<round { _ = pair.starter.random.next(UInt64.self) }
            pair.starter.rekey.handlePlease(now: at(10))
            messages.append(try #require(pair.starter.tick(at: at(10)).first))
        }
        #expect(Set(messages).count == 5)
        let source = PairRig(arena: arena)
        #expect(source.exchange(at: at(0)))
        #expect(try source.renew(at: at(10)).first == messages[0])
        source.starter.rekey.handlePlease(now: at(20))
        let newer = try #require(source.starter.tick(at: at(20)).first)

        let pair = PairRig(arena: arena)
        #expect(pair.other.receive(messages[0], at: at(20)).answers.count == 1)
        for message in messages[1...] {
            #expect(pair.other.receive(message, at: at(20)).answers.isEmpty, "an old counter")
        }
        #expect(pair.other.receive(newer, at: at(20.1)).answers.isEmpty, "the sixth in a second")
        #expect(pair.other.receive(newer, at: at(20.3)).answers.count == 1)
    }

    @Test("first keys that the other side never uses are replaced after five seconds")
    func unusedFirstKeys() throws {
        let pair = PairRig(.meeting, arena: arena)
        func meet(at time: Double) throws {
            let first = try #require(pair.starter.tick(at: at(time)).first)
            let answer = try #require(pair.other.receive(first, at: at(time)).answers.first)
            #expect(pair.starter.receive(answer, at: at(time)).isNew)
        }
        try meet(at: 0)
        #expect(pair.starter.tick(at: at(4.9)).isEmpty)
        #expect(pair.starter.rekey.timeout(pair.starter.slots) == at(5))
        try meet(at: 5)
        // One packet each way, and there is no reason to.
        #expect(pair.exchange(at: at(6)))
        #expect(pair.starter.tick(at: at(20)).isEmpty)
    }

    @Test("a handshake under way begins anew when the numbers change that it names")
    func names() throws {
        let pair = PairRig(.meeting, arena: arena)
        let old = try #require(pair.starter.tick(at: at(0)).first)
        let answer = try #require(pair.other.receive(old, at: at(0)).answers.first)
        pair.starter.rekey.namesChanged()
        let new = try #require(pair.starter.tick(at: at(0.01)).first)
        #expect(new != old)
        #expect(!pair.starter.receive(answer, at: at(0.02)).isNew, "it answers the old one")
        let other = try #require(pair.other.receive(new, at: at(0.02)).answers.first)
        #expect(pair.starter.receive(other, at: at(0.03)).isNew)
        // The other side has no answer left that names the old numbers.
        pair.other.rekey.namesChanged()
        #expect(pair.other.receive(new, at: at(0.04)).answers.isEmpty)
    }

    @Test("a hundred re-handshakes leave no secret behind")
    func wiped() throws {
        do {
            let pair = PairRig(arena: arena)
            #expect(pair.exchange(at: at(0)))
            for round in 1...100 { _ = try pair.renew(at: at(Double(round) * 6)) }
            #expect(arena.slotsInUse < 60)
        }
        #expect(arena.slotsInUse == 0)
    }
}
