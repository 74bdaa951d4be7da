/// What a member tells each other one of the roster that it follows.
struct RosterSummary: Equatable {
    let term: UInt32
    let version: UInt32
    /// Whom it follows: itself, if it is host.
    let host: PublicKey
    /// R.
    let digest: Digest
}

extension Roster {
    /// What is told to the other members.
    func summary(of room: RoomID) -> RosterSummary {
        // A roster that was checked holds its host.
        let hostKey = key(of: host) ?? entries[0].key
        return RosterSummary(
            term: term, version: version, host: hostKey, digest: digest(of: room))
    }
}

extension RosterSummary {
    /// `term 4 | version 4 | X of the host 32 | R 64`.
    func encode(into writer: inout ByteWriter) {
        writer.write(term)
        writer.write(version)
        host.encode(into: &writer)
        digest.encode(into: &writer)
    }

    init(from reader: inout ByteReader) throws(DecodeError) {
        self.init(
            term: try reader.readUInt32(), version: try reader.readUInt32(),
            host: try PublicKey(from: &reader), digest: try Digest(from: &reader))
    }
}
