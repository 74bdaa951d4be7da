import Testing

@testable import VCCore

@Suite struct SafetyWordsTests {
    let arena: SecretArena

    init() throws {
        arena = try #require(SecretArena())
    }

    private func at(_ seconds: Double) -> Instant { .zero + .seconds(seconds) }

    private func isReveal(_ message: SafetyMessage) -> Bool {
        if case .reveal = message { return true }
        return false
    }

    @Test("all members see the same words, whoever starts", arguments: [2, 3, 16])
    func agreement(count: Int) throws {
        let rig = SafetyRig(count, arena: arena)
        #expect(rig.start(count - 1) == .started)
        rig.run(until: at(1))
        let first = try #require(rig.phrases[0])
        #expect(rig.phrases.allSatisfy { $0 == first })
        #expect(rig.members.allSatisfy { $0.machine.reveals == 1 })
        rig.members.removeAll()
        #expect(arena.slotsInUse == 0)
    }

    @Test("the hashes are those of the documentation")
    func knownAnswer() throws {
        var reader = ByteReader([UInt8](0..<16).span.bytes)
        let room = try RoomID(from: &reader)
        let keys = [SafetyRig.key(words: [1, 2, 3, 4]), SafetyRig.key(words: [5, 6, 7, 8])]
        let run = SafetyRun(starter: keys[1], number: 9)
        let values = [[UInt8](repeating: 0xAA, count: 32), [UInt8](repeating: 0xBB, count: 32)]
        let commitments = zip(keys, values).map { key, value in
            SafetyHash.commitment(
                room: room, roster: SafetyRig.digest(1), run: run, member: key,
                value: value.span.bytes, arena: arena)
        }
        let words = SafetyHash.words(
            room: room, roster: SafetyRig.digest(1), run: run, commitments: commitments,
            values: values)
        // Computed with Python's hashlib.
        #expect(commitments.map(\.prefix) == [0x7914_687D_FF59_6B98, 0xE151_6E3A_3A17_8CD1])
        #expect(words.prefix == 0x0FEA_EA1A_CA9E_9F4F)
    }

    @Test("nobody reveals before it has the commitments of all")
    func commitmentsFirst() {
        let rig = SafetyRig(4, arena: arena)
        var revealed: [Int] = []
        var committed: [Int: Set<Int>] = [:]
        rig.delay = { from, to, message in
            if self.isReveal(message) {
                revealed.append(from)
                // Everybody else's commitment has arrived by now.
                #expect(committed[from]?.count == 3)
            }
            return .milliseconds(10 + 7 * from + 13 * to)
        }
        #expect(rig.start(2) == .started)
        for step in 1...1_000 where rig.now < at(1) {
            for parcel in rig.parcels where parcel.due <= at(Double(step) / 1_000) {
                if !isReveal(parcel.message) {
                    committed[parcel.to, default: []].insert(parcel.from)
                }
            }
            rig.run(until: at(Double(step) / 1_000))
        }
        #expect(Set(revealed) == [0, 1, 2, 3])
        #expect(rig.phrases.allSatisfy { $0 != nil && $0 == rig.phrases[0] })
    }

    @Test("without one member's commitment nobody reveals, and its name is told after 5 s")
    func missingCommitment() {
        let rig = SafetyRig(3, arena: arena)
        rig.delay = { from, _, _ in from == 1 ? nil : .milliseconds(20) }
        _ = rig.start(0)
        rig.run(until: at(4.9))
        #expect(rig.members[0].events.isEmpty)
        rig.run(until: at(6))
        #expect(
            rig.members[0].events == [
                .unfinished(missing: [rig.members[1].key], hadRevealed: false)
            ])
        for index in [0, 2] {
            #expect(rig.members[index].machine.reveals == 0)
            #expect(rig.members[index].machine.unfinished == 0)
        }
        // It had the commitments of the others.
        #expect(rig.members[1].machine.unfinished == 1)
    }

    @Test("two starts at once: the smaller key's run gives the words, to all")
    func simultaneousStarts() throws {
        for seed in 1...50 as ClosedRange<UInt64> {
            let rig = SafetyRig(5, arena: arena, seed: seed)
            var random = SplitMix64(seed: seed)
            rig.delay = { _, _, _ in .milliseconds(Int64(random.next() % 80)) }
            _ = rig.start(4)
            rig.run(until: at(0.02))
            // Unless the other start has arrived: then there is a run already.
            _ = rig.start(1)
            _ = rig.start(3)
            rig.run(until: at(3))
            let first = try #require(rig.phrases[0])
            #expect(rig.phrases.allSatisfy { $0 == first })
            #expect(rig.members.allSatisfy { $0.machine.reveals == 1 })
        }
    }

    @Test("a start while a run is under way starts nothing, and alone there is nothing to compare")
    func refusedStarts() {
        let rig = SafetyRig(2, arena: arena)
        #expect(rig.start(0) == .started)
        #expect(rig.start(0) == .underWay)
        let alone = SafetyRig(1, arena: arena)
        #expect(alone.start(0) == .alone)
    }

    @Test("another roster ends a run, and no words of the old one are shown")
    func rosterChange() {
        let rig = SafetyRig(3, arena: arena)
        _ = rig.start(0)
        rig.run(until: at(0.045))
        #expect(rig.members.contains { $0.machine.reveals == 1 })
        rig.setRoster(SafetyRig.digest(2), of: [0, 1])
        // At once: who had revealed counts it, and says who was missing.
        for member in rig.members.prefix(2) {
            #expect(member.machine.unfinished == Int(member.machine.reveals))
        }
        rig.run(until: at(8))
        #expect(rig.phrases.prefix(2).allSatisfy { $0 == nil })
        #expect(rig.start(1) == .started)
        rig.run(until: at(12))
        #expect(rig.phrases[0] != nil && rig.phrases[0] == rig.phrases[1])
    }

    @Test("a roster that changes before anybody reveals is nobody's fault")
    func earlyRosterChange() {
        let rig = SafetyRig(3, arena: arena)
        _ = rig.start(0)
        rig.setRoster(SafetyRig.digest(2), of: [0, 1, 2])
        #expect(rig.members[0].events == [.unfinished(missing: [], hadRevealed: false)])
        #expect(rig.members[0].machine.unfinished == 0)
    }

    @Test("members with different rosters never get words")
    func differentRosters() {
        let rig = SafetyRig(2, arena: arena)
        rig.members[1].machine.setRoster(
            SafetyRig.digest(9), members: rig.members.map(\.key), room: rig.room,
            random: &rig.members[1].random, now: .zero)
        _ = rig.start(0)
        rig.run(until: at(20))
        #expect(rig.phrases.allSatisfy { $0 == nil })
        #expect(rig.members.allSatisfy { $0.machine.reveals == 0 })
    }

    @Test("a start that comes before its roster is joined when the roster is there")
    func startBeforeRoster() {
        let rig = SafetyRig(2, arena: arena)
        let keys = rig.members.map(\.key)
        rig.members[0].machine.setRoster(
            SafetyRig.digest(2), members: keys, room: rig.room,
            random: &rig.members[0].random, now: .zero)
        _ = rig.start(0)
        rig.run(until: at(1))
        #expect(rig.phrases[1] == nil)
        rig.members[1].machine.setRoster(
            SafetyRig.digest(2), members: keys, room: rig.room,
            random: &rig.members[1].random, now: rig.now)
        rig.run(until: at(2))
        #expect(rig.phrases[0] != nil && rig.phrases[0] == rig.phrases[1])
    }

    @Test("a value that is not what its sender was bound to ends the run under its name")
    func forgedReveal() {
        let rig = SafetyRig(3, arena: arena)
        rig.delay = { from, _, message in from == 2 && self.isReveal(message) ? nil : .zero }
        _ = rig.start(0)
        rig.run(until: at(0.1))
        let run = SafetyRun(starter: rig.members[0].key, number: 1)
        let other = SafetyReveal(run: run, value: [UInt8](repeating: 1, count: 32))
        rig.members[0].take(.reveal(other), from: rig.members[2].key, at: rig.now)
        rig.members[0].listen()
        #expect(rig.members[0].events.first == .forged(rig.members[2].key))
        #expect(rig.phrases[0] == nil)
        #expect(rig.members[0].machine.unfinished == 1)
    }

    @Test("who commits twice for one run is bound by the first commitment")
    func secondCommitment() {
        let rig = SafetyRig(3, arena: arena)
        var genuine: [SafetyMessage] = []
        // Before our reveal: the third one's commitment takes longer.
        rig.delay = { from, to, message in
            if from == 1, to == 0 { genuine.append(message) }
            return from == 1 && to == 0 ? nil : from == 2 && to == 0 ? .milliseconds(200) : .zero
        }
        _ = rig.start(0)
        rig.run(until: at(0.1))
        guard case .commitment(let first) = genuine.first else {
            Issue.record("no commitment")
            return
        }
        let second = SafetyCommitment(
            run: first.run, roster: first.roster, commitment: SafetyRig.digest(7))
        for message in [.commitment(second), .commitment(first)] as [SafetyMessage] {
            rig.members[0].take(message, from: rig.members[1].key, at: rig.now)
        }
        rig.run(until: at(0.3))
        #expect(rig.members[0].machine.reveals == 1)
        for message in genuine.dropFirst() {
            rig.members[0].take(message, from: rig.members[1].key, at: rig.now)
        }
        rig.members[0].listen()
        #expect(genuine.count == 2)
        #expect(rig.members[0].events.first == .forged(rig.members[1].key))
    }

    @Test(
        "runs that broke off after our reveal are counted, and after three their breaker is named")
    func unfinishedRuns() {
        let rig = SafetyRig(3, arena: arena)
        rig.delay = { from, _, message in from == 2 && self.isReveal(message) ? nil : .zero }
        for round in 1...3 {
            #expect(rig.members[0].machine.suspects.isEmpty)
            _ = rig.start(0)
            rig.run(until: at(Double(round) * 8))
            #expect(rig.members[0].machine.unfinished == round)
            #expect(rig.members[0].machine.reveals == UInt32(round))
        }
        #expect(rig.members[0].machine.suspects == [rig.members[2].key])
        rig.delay = { _, _, _ in .zero }
        _ = rig.start(0)
        rig.run(until: at(40))
        // The count never goes back, and stands beside the words.
        guard case .words(_, let run) = rig.members[0].events.last else {
            Issue.record("no words")
            return
        }
        #expect(run == 4)
    }

    @Test("a run is joined on its starter's own word only, and each once")
    func ownWord() {
        let rig = SafetyRig(3, arena: arena)
        let (first, second) = (rig.members[0].key, rig.members[1].key)
        let foreign = SafetyRun(starter: first, number: 90)
        let claim = SafetyCommitment(
            run: foreign, roster: rig.roster, commitment: SafetyRig.digest(3))
        rig.members[2].take(.commitment(claim), from: second, at: .zero)
        #expect(rig.members[2].messages().isEmpty)
        #expect(rig.start(0) == .started)
        rig.run(until: at(1))
        #expect(rig.phrases.allSatisfy { $0 != nil && $0 == rig.phrases[0] })
        let again = SafetyCommitment(
            run: SafetyRun(starter: first, number: 1), roster: rig.roster,
            commitment: SafetyRig.digest(4))
        rig.members[2].take(.commitment(again), from: first, at: at(20))
        #expect(rig.members[2].messages().isEmpty)
    }

    @Test("who starts one run after the other gets no more than one in two seconds")
    func pace() {
        let rig = SafetyRig(2, arena: arena)
        let member = rig.members[1]
        for step in 0..<100 {
            rig.now = at(Double(step) / 10)
            let run = SafetyRun(starter: rig.members[0].key, number: UInt32(step + 1))
            let value = [UInt8](repeating: UInt8(step), count: SafetyReveal.valueSize)
            let commitment = SafetyHash.commitment(
                room: rig.room, roster: rig.roster, run: run, member: run.starter,
                value: value.span.bytes, arena: arena)
            let start = SafetyCommitment(run: run, roster: rig.roster, commitment: commitment)
            member.take(.commitment(start), from: run.starter, at: rig.now)
            member.take(
                .reveal(SafetyReveal(run: run, value: value)), from: run.starter, at: rig.now)
            member.machine.handleTimeout(random: &member.random, now: rig.now)
        }
        #expect((4...6).contains(member.machine.reveals))
    }

    @Test("a starter that begins anew before anybody revealed is followed once in two seconds")
    func restarts() {
        let rig = SafetyRig(3, arena: arena)
        let (starter, member) = (rig.members[0].key, rig.members[1])
        var commitments = 0
        var newest = SafetyRun(starter: starter, number: 0)
        for step in 0..<100 {
            rig.now = at(Double(step) / 10)
            newest = SafetyRun(starter: starter, number: UInt32(step + 1))
            let start = SafetyCommitment(
                run: newest, roster: rig.roster, commitment: SafetyRig.digest(5))
            member.take(.commitment(start), from: starter, at: rig.now)
            commitments += member.messages().count
        }
        #expect((4...6).contains(commitments))
        // The last one is not forgotten.
        #expect(member.machine.timeout <= at(12))
        member.machine.handleTimeout(random: &member.random, now: at(12))
        guard case .commitment(let last) = member.messages().last else {
            Issue.record("nothing followed")
            return
        }
        #expect(last.run == newest)
    }

    @Test("marks belong to keys: who joins later is not verified, who stayed is")
    func marks() throws {
        let rig = SafetyRig(3, arena: arena)
        rig.setRoster(SafetyRig.digest(8), of: [0, 1])
        #expect(rig.members[0].machine.confirm() == nil)
        _ = rig.start(0)
        rig.run(until: at(1))
        #expect(rig.members[0].machine.verified.isEmpty)
        #expect(rig.members[0].machine.confirm() == [rig.members[1].key])
        #expect(rig.members[0].machine.confirm() == nil)
        rig.setRoster(SafetyRig.digest(2), of: [0, 1, 2])
        #expect(rig.members[0].machine.verified == [rig.members[1].key])
        #expect(rig.members[1].machine.verified.isEmpty)
    }

    @Test("who has revealed stays in its run, whoever starts another one")
    func staysAfterReveal() {
        let rig = SafetyRig(3, arena: arena)
        rig.delay = { from, _, message in
            from == 1 && self.isReveal(message) ? .seconds(1) : .milliseconds(20)
        }
        _ = rig.start(2)
        rig.run(until: at(0.5))
        #expect(rig.members[2].machine.reveals == 1)
        let other = SafetyCommitment(
            run: SafetyRun(starter: rig.members[0].key, number: 7), roster: rig.roster,
            commitment: SafetyRig.digest(5))
        rig.members[2].take(.commitment(other), from: rig.members[0].key, at: rig.now)
        #expect(rig.members[2].messages().isEmpty)
        #expect(rig.members[2].machine.reveals == 1)
    }

    @Test("messages are read as they were written, and nothing shorter or longer is")
    func encoding() throws {
        let run = SafetyRun(starter: SafetyRig.key(words: [1, 2, 3, 4]), number: 5)
        let commitment = SafetyCommitment(
            run: run, roster: SafetyRig.digest(1), commitment: SafetyRig.digest(2))
        let reveal = SafetyReveal(run: run, value: [UInt8](0..<32))
        let first = [UInt8](capacity: 300) { commitment.encode(into: &$0) }
        let second = [UInt8](capacity: 300) { reveal.encode(into: &$0) }
        #expect(first.count == 164 && second.count == 68)
        for length in 0...200 {
            let bytes = Array((first + [0]).prefix(length))
            var reader = ByteReader(bytes.span.bytes)
            let read = try? SafetyCommitment(from: &reader)
            #expect((read == commitment) == (bytes.count == first.count))
            let other = Array((second + [0]).prefix(length))
            reader = ByteReader(other.span.bytes)
            let value = try? SafetyReveal(from: &reader)
            #expect((value == reveal) == (other.count == second.count))
        }
    }

    @Test("the words hold all 32 bits, and no word can stand in two places")
    func phrase() {
        #expect(
            Set(SafetyPhrase(number: 0).indices + SafetyPhrase(number: .max).indices).count == 8)
        var seen: [Set<UInt16>] = [[], [], [], []]
        for byte in 0...255 as ClosedRange<UInt32> {
            let phrase = SafetyPhrase(number: byte << 24 | byte << 16 | byte << 8 | byte)
            for (position, index) in phrase.indices.enumerated() {
                seen[position].insert(index)
                #expect(index < WordList.count)
            }
        }
        #expect(seen.allSatisfy { $0.count == 256 })
        #expect(Set(seen.joined()).count == 4 * 256)
        #expect(SafetyPhrase(number: 0x0102_0304).text.split(separator: " ").count == 4)
    }
}
