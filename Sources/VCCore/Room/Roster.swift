/// Who is in the room: numbers are labels, keys are the members. Names are announced by their
/// owners, inside the pairwise sessions, and are not part of it.
public struct Roster: Equatable, Sendable {
    /// A member.
    public struct Entry: Equatable, Sendable {
        /// 1 to 16.
        public let number: UInt8
        public let key: PublicKey

        public init(number: UInt8, key: PublicKey) {
            self.number = number
            self.key = key
        }
    }

    /// Counts hosts.
    public private(set) var term: UInt32
    /// Counts changes.
    public private(set) var version: UInt32
    /// The host's number.
    public private(set) var host: UInt8
    /// The number of the member that takes over, or 0.
    public private(set) var successor: UInt8
    /// Sorted by number.
    public private(set) var entries: [Entry]

    /// A new room: its host alone, with number 1.
    public init(host key: PublicKey) {
        term = 1
        version = 1
        host = 1
        successor = 0
        entries = [Entry(number: 1, key: key)]
    }

    /// A roster of two rooms that became one; `entries` are sorted by number, the host among them.
    init(term: UInt32, version: UInt32, host: UInt8, successor: UInt8, entries: [Entry]) {
        self.term = term
        self.version = version
        self.host = host
        self.successor = successor
        self.entries = entries
    }

    /// Terms and versions that may come from others.
    static let maximumCount: UInt32 = 1 << 30

    /// Bytes of an encoded roster of 16.
    static let maximumSize = 11 + Limits.members * (1 + PublicKey.size)

    /// The key of a number.
    public func key(of number: UInt8) -> PublicKey? {
        entries.first { $0.number == number }?.key
    }

    /// The number of a key.
    public func number(of key: PublicKey) -> UInt8? {
        entries.first { $0.key == key }?.number
    }

    /// The roster with one member more, as the next version.
    func adding(_ entry: Entry) -> Roster {
        var next = self
        next.entries.append(entry)
        next.entries.sort { $0.number < $1.number }
        next.version += 1
        next.nameSuccessor()
        return next
    }

    /// The roster without a member, as the next version.
    func removing(_ key: PublicKey) -> Roster {
        var next = self
        next.entries.removeAll { $0.key == key }
        next.version += 1
        next.nameSuccessor()
        return next
    }

    /// The roster with another successor (0: none), as the next version.
    func naming(_ successor: UInt8) -> Roster {
        var next = self
        next.version += 1
        next.successor = successor
        return next
    }

    /// The roster under another host, without the one before it if that has left: the next version,
    /// `step` terms later.
    func succeeded(by host: UInt8, without leaver: PublicKey?, step: UInt32) -> Roster {
        var next = self
        next.entries.removeAll { $0.key == leaver }
        next.term += step
        // Two who help themselves out of each other's sight must not use one version for different
        // rosters: that would look like a host that shows two of them.
        next.version += step == 1 ? 1 : UInt32(host) << 8
        next.host = host
        next.successor = 0
        return next
    }

    /// R: what two members compare inside their session.
    public func digest(of room: RoomID) -> Digest {
        let bytes = [UInt8](capacity: 128 + entries.count * 40) { writer in
            writer.write(field: "vc1 roster")
            writer.write(UInt16(RoomID.size))
            room.encode(into: &writer)
            writer.write(UInt16(4))
            writer.write(term)
            writer.write(UInt16(4))
            writer.write(version)
            writer.write(UInt16(1))
            writer.write(host)
            writer.write(UInt16(1))
            writer.write(successor)
            for entry in entries {
                writer.write(UInt16(1 + PublicKey.size))
                writer.write(entry.number)
                entry.key.encode(into: &writer)
            }
        }
        return unsafe SHA512.hash(bytes.span.bytes)
    }

    private mutating func nameSuccessor() {
        successor = entries.first { $0.number != host }?.number ?? 0
    }
}

extension Roster {
    /// `term 4 | version 4 | host 1 | successor 1 | count 1 | (number 1, key 32)*`.
    func encode(into writer: inout ByteWriter) {
        writer.write(term)
        writer.write(version)
        writer.write(host)
        writer.write(successor)
        writer.write(UInt8(entries.count))
        for entry in entries {
            writer.write(entry.number)
            entry.key.encode(into: &writer)
        }
    }

    /// A roster that says something possible: 1 to 16 members in order, no number and no key twice,
    /// the host among them.
    init(from reader: inout ByteReader) throws(DecodeError) {
        term = try reader.readUInt32()
        version = try reader.readUInt32()
        // No room comes near it, and whoever counts on from here never gets over the edge.
        guard term <= Roster.maximumCount, version <= Roster.maximumCount else {
            throw .unexpectedValue
        }
        host = try reader.readUInt8()
        successor = try reader.readUInt8()
        let count = Int(try reader.readUInt8())
        guard (1...Limits.members).contains(count) else { throw .tooLong }
        entries = []
        for _ in 0..<count {
            let entry = Entry(number: try reader.readUInt8(), key: try PublicKey(from: &reader))
            guard entry.number <= Limits.members, entry.number > (entries.last?.number ?? 0),
                number(of: entry.key) == nil
            else { throw .unexpectedValue }
            entries.append(entry)
        }
        guard key(of: host) != nil, successor == 0 || key(of: successor) != nil else {
            throw .unexpectedValue
        }
    }
}
