/// Two hosts of what was one room meet: which of them goes on, and what the room is then.
///
/// The larger group wins, the smaller key if both are as large. Counted are the members that both
/// rosters hold, so that nobody wins by inventing newcomers, and one that says itself whom it
/// follows is not somebody else's.
enum HostMeeting {
    /// What a host says of its room to another one.
    struct Statement: Equatable {
        let roster: Roster
        /// Keys of the members that follow it and were heard in the last 5 s, without itself.
        let followers: [PublicKey]
        /// Who was removed from the room, ever.
        let tombstones: [PublicKey]
        let isLocked: Bool

        var host: PublicKey? { roster.key(of: roster.host) }
    }

    /// Whether `own` goes on being host.
    static func wins(_ own: Statement, against other: Statement) -> Bool {
        let common = Set(own.roster.entries.map(\.key)).intersection(
            other.roster.entries.map(\.key))
        let ours = Set(own.followers).intersection(common)
        let theirs = Set(other.followers).intersection(common).subtracting(ours)
        guard let ownKey = own.host, let otherKey = other.host else { return true }
        let (mine, its) = (
            ours.subtracting([ownKey, otherKey]).count,
            theirs.subtracting([ownKey, otherKey]).count
        )
        return mine == its ? ownKey < otherKey : mine > its
    }

    /// A room of both halves.
    struct Merged: Equatable {
        let roster: Roster
        let tombstones: [PublicKey]
        let isLocked: Bool
    }

    /// The room that the winner goes on with: everybody of both rosters, without those who were
    /// removed in either. The winner's members keep their numbers; who has a number that is taken
    /// gets another one that `isFree` (not somebody's a moment ago).
    ///
    /// If that would be more members than a room has, as many of those who follow neither host are
    /// left out as it takes, the longest silent first.
    ///
    /// - Parameter silence: for how long the winner has not heard of somebody; of whom it does not
    ///   know, as long as somebody is lost who is not heard.
    /// - Returns: nil if there are too many all the same: then nobody is dropped, and both rooms go
    ///   on, locked, until it fits.
    static func merge(
        winner: Statement, loser: Statement, silence: (PublicKey) -> Duration,
        isFree: (UInt8) -> Bool
    ) -> Merged? {
        var tombstones = winner.tombstones
        for key in loser.tombstones where !tombstones.contains(key) { tombstones.append(key) }
        let isOut = Set(tombstones)
        // Who is host now cannot be removed by the other half.
        var entries = winner.roster.entries.filter {
            $0.number == winner.roster.host || !isOut.contains($0.key)
        }
        var others = loser.roster.entries.filter { entry in
            !isOut.contains(entry.key) && !entries.contains { $0.key == entry.key }
        }
        let excess = entries.count + others.count - Limits.members
        if excess > 0 {
            let heard = Set(winner.followers + loser.followers)
            let hosts = [winner.host, loser.host]
            let silent = (entries + others).map(\.key)
                .filter { !heard.contains($0) && !hosts.contains($0) }
                .sorted { (silence($0), $0) > (silence($1), $1) }
            let leftOut = Set(silent.prefix(excess))
            entries.removeAll { leftOut.contains($0.key) }
            others.removeAll { leftOut.contains($0.key) }
        }
        for entry in others {
            var numbers = [entry.number] + (1...UInt8(Limits.members)).filter(isFree)
            // Better one that was somebody's a moment ago than none.
            numbers += 1...UInt8(Limits.members)
            guard let number = numbers.first(where: { !entries.map(\.number).contains($0) }) else {
                return nil
            }
            entries.append(Roster.Entry(number: number, key: entry.key))
        }
        entries.sort { $0.number < $1.number }
        let roster = Roster(
            term: max(winner.roster.term, loser.roster.term) &+ 1,
            version: max(winner.roster.version, loser.roster.version) &+ 1,
            host: winner.roster.host, successor: 0, entries: entries)
        return Merged(
            roster: roster, tombstones: tombstones.filter { $0 != winner.host },
            isLocked: winner.isLocked || loser.isLocked)
    }
}

extension HostMeeting.Statement {
    /// The same, as far as it takes nobody out.
    var withoutTombstones: HostMeeting.Statement {
        HostMeeting.Statement(
            roster: roster, followers: followers, tombstones: [], isLocked: isLocked)
    }

    /// The same, without the removal of those.
    func withoutTombstones(of kept: [PublicKey]) -> HostMeeting.Statement {
        HostMeeting.Statement(
            roster: roster, followers: followers,
            tombstones: tombstones.filter { !kept.contains($0) }, isLocked: isLocked)
    }

    /// The highest term and version: the room that two become counts on from them, and has as far
    /// to go as anybody can have come.
    static let maximumCount = Roster.maximumCount / 2

    /// Bytes at most: it fits a message of the stream.
    static let maximumSize =
        Roster.maximumSize + 2 + 2 * Limits.members
        + SuccessorSupply.maximumTombstones * PublicKey.size + 1

    /// `roster | flags 1 | followers as bits of their numbers 2 | tombstones 1 | key 32*`.
    func encode(into writer: inout ByteWriter) {
        roster.encode(into: &writer)
        writer.write(UInt8(isLocked ? 1 : 0))
        var bits: UInt16 = 0
        for key in followers {
            if let number = roster.number(of: key) { bits |= 1 << UInt16(number - 1) }
        }
        writer.write(bits)
        writer.write(UInt8(min(tombstones.count, SuccessorSupply.maximumTombstones)))
        for key in tombstones.suffix(SuccessorSupply.maximumTombstones) {
            key.encode(into: &writer)
        }
    }

    init(from reader: inout ByteReader) throws(DecodeError) {
        let roster = try Roster(from: &reader)
        guard max(roster.term, roster.version) <= Self.maximumCount else { throw .unexpectedValue }
        let flags = try reader.readUInt8()
        guard flags <= 1 else { throw .unexpectedValue }
        let bits = try reader.readUInt16()
        var followers: [PublicKey] = []
        for number in 1...UInt8(Limits.members) where bits & 1 << UInt16(number - 1) != 0 {
            guard let key = roster.key(of: number) else { throw .unexpectedValue }
            followers.append(key)
        }
        let count = Int(try reader.readUInt8())
        guard count <= SuccessorSupply.maximumTombstones else { throw .tooLong }
        var tombstones: [PublicKey] = []
        for _ in 0..<count { tombstones.append(try PublicKey(from: &reader)) }
        self.init(
            roster: roster, followers: followers, tombstones: tombstones, isLocked: flags == 1)
    }
}
