@testable import VCCore

/// One member with its safety words, and what was told to its person.
final class SafetyMember {
    let key: PublicKey
    var machine: SafetyWords
    var random: AnyRandomSource
    var events: [SafetyWords.Event] = []

    init(
        key: PublicKey, room: RoomID, arena: SecretArena, seed: UInt64,
        rules: SafetyWords.Rules = SafetyWords.Rules()
    ) {
        self.key = key
        machine = SafetyWords(local: key, room: room, arena: arena, rules: rules)
        random = AnyRandomSource(SplitMix64(seed: seed))
    }

    @discardableResult
    func start(at now: Instant) -> SafetyWords.Start { machine.start(random: &random, now: now) }

    func take(_ message: SafetyMessage, from member: PublicKey, at now: Instant) {
        machine.handle(message, from: member, random: &random, now: now)
    }

    func messages() -> [SafetyMessage] {
        var messages: [SafetyMessage] = []
        while let message = machine.pollMessage() { messages.append(message) }
        return messages
    }

    /// Collects what is told; returns the words that were shown last.
    @discardableResult
    func listen() -> SafetyPhrase? {
        while let event = machine.pollEvent() { events.append(event) }
        for event in events.reversed() {
            if case .words(let phrase, _) = event { return phrase }
        }
        return nil
    }
}

/// A room of members that reach each other over ordered, reliable ways in virtual time.
final class SafetyRig {
    struct Parcel {
        let due: Instant
        let from: Int
        let to: Int
        let message: SafetyMessage
    }

    let room: RoomID
    var roster = SafetyRig.digest(1)
    var members: [SafetyMember]
    var now = Instant.zero
    /// What is under way, oldest first.
    var parcels: [Parcel] = []
    /// How long a message takes; nil loses it, which only a broken pair does.
    var delay: (_ from: Int, _ to: Int, SafetyMessage) -> Duration? = { _, _, _ in
        .milliseconds(20)
    }

    init(_ count: Int, arena: SecretArena, seed: UInt64 = 1) {
        var random = AnyRandomSource(SplitMix64(seed: seed))
        let room = RoomID(random: &random)
        self.room = room
        let keys = (0..<count).map { _ in SafetyRig.key(&random) }.sorted()
        members = keys.enumerated().map { index, key in
            SafetyMember(
                key: key, room: room, arena: arena, seed: seed &* 1_000 + UInt64(index))
        }
        setRoster(roster, of: Array(0..<count))
    }

    static func key(_ random: inout AnyRandomSource) -> PublicKey {
        key(words: (0..<4).map { _ in random.next() })
    }

    static func key(words: [UInt64]) -> PublicKey {
        let bytes = [UInt8](capacity: 32) { writer in for word in words { writer.write(word) } }
        var reader = ByteReader(bytes.span.bytes)
        guard let key = try? PublicKey(from: &reader) else { preconditionFailure("32 bytes") }
        return key
    }

    static func digest(_ number: UInt8) -> Digest {
        SHA512.hash([number].span.bytes)
    }

    func setRoster(_ digest: Digest, of indices: [Int]) {
        roster = digest
        for index in indices {
            members[index].machine.setRoster(
                digest, members: indices.map { members[$0].key }, room: room,
                random: &members[index].random, now: now)
        }
        collect()
    }

    /// Lets time pass, everything in its order.
    func run(until end: Instant) {
        collect()
        while true {
            let next = parcels.map(\.due).min() ?? .distantFuture
            let timeout = members.map { $0.machine.timeout }.min() ?? .distantFuture
            let due = min(next, timeout)
            guard due <= end else { break }
            now = max(now, due)
            if let index = parcels.firstIndex(where: { $0.due <= now }) {
                let parcel = parcels.remove(at: index)
                members[parcel.to].take(
                    parcel.message, from: members[parcel.from].key, at: now)
            }
            for member in members where member.machine.timeout <= now {
                member.machine.handleTimeout(random: &member.random, now: now)
            }
            collect()
        }
        now = end
    }

    func start(_ index: Int) -> SafetyWords.Start {
        let result = members[index].start(at: now)
        collect()
        return result
    }

    private func collect() {
        for (from, member) in members.enumerated() {
            for message in member.messages() {
                for to in members.indices where to != from {
                    guard let delay = delay(from, to, message) else { continue }
                    // A pair's stream keeps its order.
                    let last = parcels.last { $0.from == from && $0.to == to }?.due ?? .zero
                    parcels.append(
                        Parcel(due: max(last, now + delay), from: from, to: to, message: message))
                }
            }
            member.listen()
        }
    }

    var phrases: [SafetyPhrase?] { members.map { $0.listen() } }
}
