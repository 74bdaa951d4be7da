import Testing

@testable import VCCore

/// A host that shows two members two rosters and sits between them, with words of 8 bits so that
/// chance can be counted.
@Suite struct SafetyWordsAttackTests {
    let arena: SecretArena

    init() throws {
        arena = try #require(SecretArena())
    }

    /// Runs one comparison of ana and bob with mallory in between, who plays bob towards ana and
    /// ana towards bob as cleverly as it can. Returns whether both read the same words.
    private func succeeds(
        seed: UInt64, rules: SafetyWords.Rules, rebinds: Bool = false
    ) -> Bool {
        var random = AnyRandomSource(SplitMix64(seed: seed))
        let room = RoomID(random: &random)
        let keys = (0..<4).map { _ in SafetyRig.key(&random) }
        func member(_ index: Int) -> SafetyMember {
            SafetyMember(
                key: keys[index], room: room, arena: arena, seed: random.next(), rules: rules)
        }
        let (ana, bob) = (member(0), member(1))
        let (asBob, asAna) = (keys[2], member(3))
        let (anasRoster, bobsRoster) = (SafetyRig.digest(1), SafetyRig.digest(2))
        ana.machine.setRoster(
            anasRoster, members: [ana.key, asBob], room: room, random: &ana.random, now: .zero)
        for side in [bob, asAna] {
            side.machine.setRoster(
                bobsRoster, members: [bob.key, asAna.key], room: room, random: &side.random,
                now: .zero)
        }
        ana.start(at: .zero)
        // First bob's side to its end: mallory knows then which words ana must see.
        asAna.start(at: .zero)
        for _ in 0..<4 {
            for message in asAna.messages() { bob.take(message, from: asAna.key, at: .zero) }
            for message in bob.messages() { asAna.take(message, from: bob.key, at: .zero) }
        }
        guard let wanted = bob.listen() else { return false }
        let attack = Attack(
            room: room, roster: anasRoster, key: asBob, ana: ana, wanted: wanted, rules: rules,
            rebinds: rebinds)
        return attack.run(&random, arena: arena) == wanted
    }

    /// What mallory does on ana's side.
    private struct Attack {
        let room: RoomID
        let roster: Digest
        let key: PublicKey
        let ana: SafetyMember
        let wanted: SafetyPhrase
        let rules: SafetyWords.Rules
        /// Whether it binds itself to another run, and then to this one again, once it has seen
        /// what ana reveals.
        let rebinds: Bool

        /// Returns the words that ana sees.
        func run(_ random: inout AnyRandomSource, arena: SecretArena) -> SafetyPhrase? {
            var (commitment, reveal): (SafetyCommitment?, SafetyReveal?)
            func note(_ messages: [SafetyMessage]) {
                for message in messages {
                    switch message {
                    case .commitment(let sent): commitment = sent
                    case .reveal(let sent): reveal = sent
                    }
                }
            }
            note(ana.messages())
            guard let theirs = commitment else { return nil }
            var value = draw(&random)
            var own = commit(value, theirs.run, arena)
            // Who knows ana's value before its own is bound tries until the words are right.
            while let reveal, phrase(theirs, reveal, own, value) != wanted {
                value = draw(&random)
                own = commit(value, theirs.run, arena)
            }
            ana.take(
                .commitment(
                    SafetyCommitment(run: theirs.run, roster: roster, commitment: own)),
                from: key, at: .zero)
            note(ana.messages())
            if rebinds, let reveal {
                while phrase(theirs, reveal, own, value) != wanted {
                    value = draw(&random)
                    own = commit(value, theirs.run, arena)
                }
                for run in [SafetyRun(starter: key, number: 9), theirs.run] {
                    ana.take(
                        .commitment(SafetyCommitment(run: run, roster: roster, commitment: own)),
                        from: key, at: .zero)
                }
            }
            ana.take(
                .reveal(SafetyReveal(run: theirs.run, value: value)), from: key, at: .zero)
            return ana.listen()
        }

        private func draw(_ random: inout AnyRandomSource) -> [UInt8] {
            [UInt8](capacity: 32) { writer in
                for _ in 0..<4 { writer.write(random.next(UInt64.self)) }
            }
        }

        private func commit(_ value: [UInt8], _ run: SafetyRun, _ arena: SecretArena) -> Digest {
            SafetyHash.commitment(
                room: room, roster: roster, run: run, member: key, value: value.span.bytes,
                arena: arena)
        }

        private func phrase(
            _ theirs: SafetyCommitment, _ reveal: SafetyReveal, _ own: Digest, _ value: [UInt8]
        ) -> SafetyPhrase {
            let isFirst = key < ana.key
            let digest = SafetyHash.words(
                room: room, roster: roster, run: theirs.run,
                commitments: isFirst ? [own, theirs.commitment] : [theirs.commitment, own],
                values: isFirst ? [value, reveal.value] : [reveal.value, value])
            return SafetyPhrase(number: UInt32(digest.prefix >> UInt64(64 - rules.bits)))
        }
    }

    @Test("a host in the middle meets words of 8 bits once in 256 runs, within three sigma")
    func commitments() {
        let runs = 20_000
        let rules = SafetyWords.Rules(bits: 8)
        let hits = (0..<runs).count { succeeds(seed: UInt64($0), rules: rules) }
        // 78.1 expected, sigma 8.8.
        #expect((52...104).contains(hits), "\(hits) of \(runs)")
        #expect(arena.slotsInUse == 0)
    }

    @Test("who binds itself to another run and back is bound as it was when we revealed")
    func rebinding() {
        let rules = SafetyWords.Rules(bits: 8)
        let hits = (0..<500).count { succeeds(seed: $0, rules: rules, rebinds: true) }
        // Only by chance the first value was right already.
        #expect(hits < 10, "\(hits) of 500")
    }

    @Test("control: if values were shown at once, it would succeed always")
    func noCommitments() {
        let rules = SafetyWords.Rules(bits: 8, waitsForCommitments: false)
        #expect((0..<200).allSatisfy { succeeds(seed: $0, rules: rules) })
    }
}
