import Testing

@testable import VCCore

@Suite struct JoinTests {
    let arena: SecretArena

    init() throws {
        arena = try #require(SecretArena())
    }

    private static let wrong: [UInt8] = Array("red-green-black".utf8)

    private func at(_ seconds: Double) -> Instant { .zero + .seconds(seconds) }

    @Test("who knows the words is let in, and both sides hold the same handshake")
    func joins() throws {
        do {
            let host = DoorRig(arena: arena)
            let joiner = JoinerRig(arena: arena, at: .zero)
            runJoin(host, joiner)
            let transcript = try #require(joiner.transcript)
            #expect(host.welcomed.map(\.key) == [joiner.keys.publicKey])
            #expect(host.welcomed.first?.transcript == transcript)
            #expect(host.guesses == 0 && host.door.failures == 0)
        }
        #expect(arena.slotsInUse == 0, "every secret was wiped")
    }

    @Test("a wrong word is refused at once, and counted once however often J2 comes")
    func wrongWord() {
        do {
            let host = DoorRig(arena: arena)
            let joiner = JoinerRig(arena: arena, words: JoinTests.wrong, at: .zero)
            var second: [UInt8] = []
            var refusal: [UInt8] = []
            let end = runJoin(host, joiner) { body in
                if body[0] == JoinMessage.second { second = body }
                if body[0] == JoinMessage.refusal { refusal = body }
                return body
            }
            #expect(joiner.machine.failure == .refused(.refused))
            #expect(end < at(3))
            for repetition in 1...20 {
                let answers = host.receive(second, at: end + .milliseconds(100 * repetition))
                #expect(answers.map(\.body) == [refusal], "the same bytes give the same bytes")
            }
            #expect(host.guesses == 1 && host.door.failures == 1)
            #expect(host.welcomed.isEmpty)
        }
        #expect(arena.slotsInUse == 0)
    }

    @Test("the same J1 and J2 give the same H1 and H2: lost answers cost nothing")
    func sameBytes() throws {
        let host = DoorRig(arena: arena)
        let joiner = JoinerRig(arena: arena, at: .zero)
        let first = try #require(joiner.poll(at: .zero))
        let hostFirst = try #require(host.receive(first, at: .zero).first?.body)
        for repetition in 1...5 {
            let again = host.receive(first, at: at(Double(repetition) * 0.1))
            #expect(again.map(\.body) == [hostFirst])
        }
        joiner.receive(hostFirst, at: at(1))
        let second = try #require(joiner.poll(at: at(1)))
        let hostSecond = try #require(host.receive(second, at: at(1)).first?.body)
        for repetition in 1...5 {
            let again = host.receive(second, at: at(1 + Double(repetition) * 0.1))
            #expect(again.map(\.body) == [hostSecond])
        }
        #expect(host.welcomed.count == 1)
        joiner.receive(hostSecond, at: at(2))
        #expect(joiner.transcript == host.welcomed[0].transcript)
    }

    @Test("every other answer lost: the join heals by itself, without a guess")
    func lostAnswers() {
        for pattern in 0..<16 {
            let host = DoorRig(arena: arena, seed: UInt64(pattern) + 10)
            let joiner = JoinerRig(arena: arena, at: .zero)
            var count = 0
            runJoin(host, joiner) { body in
                defer { count += 1 }
                return count < 4 && pattern & (1 << count) != 0 ? nil : body
            }
            #expect(joiner.transcript == host.welcomed.last?.transcript, "pattern \(pattern)")
            #expect(host.door.failures == 0)
        }
    }

    @Test("another J1 under a live sid, and a second J2 of other bytes, are dropped")
    func otherBytes() throws {
        let host = DoorRig(arena: arena)
        let joiner = JoinerRig(arena: arena, at: .zero)
        let first = try #require(joiner.poll(at: .zero))
        let hostFirst = try #require(host.receive(first, at: .zero).first?.body)
        // Another X_J under the same sid: nothing is answered, and the true J1 still is.
        #expect(host.receive(first.flipping(bit: 8 * 60), at: .zero).isEmpty)
        #expect(host.receive(first, at: .zero).map(\.body) == [hostFirst])
        joiner.receive(hostFirst, at: .zero)
        let second = try #require(joiner.poll(at: .zero))
        // A wrong J2 spends the run; the true one does not get a second look.
        let refused = host.receive(second.flipping(bit: 8 * 40), at: .zero)
        #expect(refused.map { $0.body.first } == [JoinMessage.refusal])
        #expect(host.receive(second, at: .zero).isEmpty)
        #expect(host.door.failures == 1 && host.welcomed.isEmpty)
    }

    @Test("a second J2 of other bytes after the true one changes nothing")
    func otherSecondAfterDone() throws {
        let host = DoorRig(arena: arena)
        let joiner = JoinerRig(arena: arena, at: .zero)
        let first = try #require(joiner.poll(at: .zero))
        let hostFirst = try #require(host.receive(first, at: .zero).first?.body)
        joiner.receive(hostFirst, at: .zero)
        let second = try #require(joiner.poll(at: .zero))
        let hostSecond = try #require(host.receive(second, at: .zero).first?.body)
        #expect(host.receive(second.flipping(bit: 8 * 40), at: .zero).isEmpty)
        #expect(host.receive(second, at: .zero).map(\.body) == [hostSecond])
        #expect(host.door.failures == 0 && host.welcomed.count == 1)
    }

    @Test("a joiner takes one H1 for each Ya: a second host gets no second guess")
    func oneHostFirst() throws {
        let host = DoorRig(arena: arena)
        let other = DoorRig(arena: arena, seed: 99)
        let joiner = JoinerRig(arena: arena, at: .zero)
        let first = try #require(joiner.poll(at: .zero))
        let hostFirst = try #require(host.receive(first, at: .zero).first?.body)
        let otherFirst = try #require(other.receive(first, at: .zero).first?.body)
        joiner.receive(hostFirst, at: .zero)
        let second = try #require(joiner.poll(at: .zero))
        joiner.receive(otherFirst, at: at(0.1))
        // What is sent on is still the proof for the first one.
        #expect(joiner.poll(at: at(0.25)) == second)
    }

    @Test("attempts that end after J1 cost no budget")
    func abandoned() {
        let host = DoorRig(arena: arena)
        for number in 0..<(runsEverything ? 10_000 : 500) {
            let now = at(Double(number) * 0.5)
            let joiner = JoinerRig(arena: arena, seed: UInt64(number) + 50, at: now)
            if let first = joiner.poll(at: now) {
                host.receive(first, mailbox: UInt32(number), tag: UInt64(number), at: now)
            }
        }
        #expect(host.door.failures == 0 && host.guesses == 0)
        let joiner = JoinerRig(arena: arena, at: at(6_000))
        runJoin(host, joiner, from: at(6_000))
        #expect(joiner.transcript != nil)
    }

    @Test(
        "any single bit of J1, H1, J2 or H2 flipped, in every repeat of it, and nobody is let in",
        arguments: [
            JoinMessage.first, JoinMessage.hostFirst, JoinMessage.second, JoinMessage.hostSecond,
        ])
    func everyBit(of type: UInt8) {
        // The sizes are learned from an honest join; the messages of all joins have the same.
        var size = 0
        runJoin(DoorRig(arena: arena), JoinerRig(arena: arena, at: .zero)) { body in
            if body[0] == type { size = body.count }
            return body
        }
        #expect(size >= 82)
        for bit in 0..<size * 8 {
            let host = DoorRig(arena: arena, seed: UInt64(bit) &* 3 + 1)
            let joiner = JoinerRig(arena: arena, seed: UInt64(bit) &* 3 + 2, at: .zero)
            runJoin(host, joiner) { $0[0] == type ? $0.flipping(bit: bit) : $0 }
            #expect(joiner.transcript == nil, "joined with bit \(bit) of message \(type) flipped")
            #expect(joiner.machine.failure != nil)
            if type != JoinMessage.hostSecond {
                #expect(host.welcomed.isEmpty, "let in with bit \(bit) of message \(type) flipped")
            }
        }
        #expect(arena.slotsInUse == 0)
    }

    @Test("a code of another nameplate is refused, though its words are the same")
    func nameplate() {
        let host = DoorRig(arena: arena)
        let joiner = JoinerRig(arena: arena, nameplate: 8, at: .zero)
        runJoin(host, joiner)
        #expect(joiner.machine.failure == .refused(.refused))
        #expect(host.welcomed.isEmpty && host.door.failures == 1)
    }

    @Test("a J1 with the host's or a member's key, and an H1 with our own, are not answered")
    func ownKeys() throws {
        let host = DoorRig(arena: arena)
        let mirror = JoinerRig(arena: arena, keys: host.keys.duplicate(), at: .zero)
        #expect(host.receive(try #require(mirror.poll(at: .zero)), at: .zero).isEmpty)

        let member = JoinerRig(arena: arena, at: .zero)
        let first = try #require(member.poll(at: .zero))
        let key = member.keys.publicKey
        host.vacancy = { $0 == key ? .taken : .free }
        #expect(host.receive(first, at: .zero).isEmpty)

        // A host whose key is the joiner's own: nothing is proved to it.
        host.vacancy = { _ in .free }
        var hostFirst = try #require(host.receive(first, at: .zero).first?.body)
        let own = key.withBytes { [UInt8]($0) }
        hostFirst.replaceSubrange(50..<82, with: own)
        member.receive(hostFirst, at: .zero)
        #expect(member.poll(at: at(0.25)) == first, "still opening")
    }

    @Test("garbage at the mailbox in the place of H2 costs nothing: the true one is still taken")
    func garbageSecond() throws {
        let host = DoorRig(arena: arena)
        let joiner = JoinerRig(arena: arena, at: .zero)
        let first = try #require(joiner.poll(at: .zero))
        joiner.receive(try #require(host.receive(first, at: .zero).first?.body), at: .zero)
        let second = try #require(joiner.poll(at: .zero))
        let hostSecond = try #require(host.receive(second, at: .zero).first?.body)
        var random = SplitMix64(seed: 5)
        for size in [0, 1, 17, 18, 64, 65, 66, 200, 1_040] {
            var garbage = (0..<size).map { _ in UInt8(truncatingIfNeeded: random.next()) }
            joiner.receive(garbage, at: .zero)
            garbage.replaceSubrange(0..<min(17, size), with: hostSecond[..<min(17, size)])
            joiner.receive(garbage, at: .zero)
            joiner.receive(hostSecond.flipping(bit: 8 * 17 + size), at: .zero)
        }
        joiner.receive(hostSecond, at: .zero)
        #expect(joiner.transcript == host.welcomed.first?.transcript)
    }

    @Test("an H2 whose roster lacks us, or does not name the host that spoke, breaks the protocol")
    func impossibleWelcome() throws {
        for impostor in 0..<2 {
            let host = DoorRig(arena: arena)
            let joiner = JoinerRig(arena: arena, at: .zero)
            let first = try #require(joiner.poll(at: .zero))
            joiner.receive(try #require(host.receive(first, at: .zero).first?.body), at: .zero)
            let second = try #require(joiner.poll(at: .zero))
            host.door.handle(
                second.span.bytes, mailbox: 1, tag: 1, vacancy: { _ in .free }, keys: host.keys,
                random: &host.random, now: .zero)
            let run = try #require(host.door.pollProven()?.run)
            let stranger = KeyPair(random: &host.random, arena: arena).publicKey
            let roster = Roster(host: impostor == 0 ? host.keys.publicKey : stranger)
                .adding(Roster.Entry(number: 2, key: impostor == 0 ? stranger : run.key))
            let payload = Welcome(
                index: 9, room: RoomID(random: &host.random), number: 2, roster: roster,
                roomKey: SecretBytes(count: 32, in: arena), candidates: []
            ).encode(arena: arena)
            _ = try host.door.welcome(
                run, payload: payload.span, keys: host.keys, random: &host.random)
            var hostSecond: [UInt8] = []
            while let reply = host.door.pollReply() { hostSecond = reply.body }
            joiner.receive(hostSecond, at: .zero)
            #expect(joiner.machine.failure == .brokenProtocol && joiner.transcript == nil)
        }
    }
}
