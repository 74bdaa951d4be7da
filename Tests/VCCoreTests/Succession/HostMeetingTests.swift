import Testing
import VCTestKit

@testable import VCCore

/// Two hosts of what was one room.
@Suite struct HostMeetingTests {
    private static func key(_ byte: UInt8) -> PublicKey {
        let bytes = [UInt8](repeating: byte, count: PublicKey.size)
        var reader = ByteReader(bytes.span.bytes)
        guard let key = try? PublicKey(from: &reader) else { preconditionFailure() }
        return key
    }

    /// A room of the members with these bytes as keys, numbered as they stand.
    private static func statement(
        _ members: [UInt8], host: UInt8, followers: [UInt8], term: UInt32 = 1,
        tombstones: [UInt8] = [], numbers: [UInt8]? = nil
    ) -> HostMeeting.Statement {
        let numbers = numbers ?? members.indices.map { UInt8($0 + 1) }
        let entries = zip(numbers, members).map {
            Roster.Entry(number: $0, key: key($1))
        }.sorted { $0.number < $1.number }
        let own = entries.first { $0.key == key(host) }?.number ?? 1
        return HostMeeting.Statement(
            roster: Roster(term: term, version: term, host: own, successor: 0, entries: entries),
            followers: followers.map(key), tombstones: tombstones.map(key), isLocked: false)
    }

    /// Silent is who has a large key.
    private static func merge(
        _ winner: HostMeeting.Statement, _ loser: HostMeeting.Statement,
        isFree: (UInt8) -> Bool = { _ in true }
    ) -> HostMeeting.Merged? {
        let keys = (winner.roster.entries + loser.roster.entries).map(\.key).sorted()
        return HostMeeting.merge(
            winner: winner, loser: loser,
            silence: { key in .seconds(Int64(keys.firstIndex(of: key) ?? 0)) }, isFree: isFree)
    }

    private static let all: [UInt8] = [1, 2, 3, 4, 5]

    @Test("the larger group wins, on both sides alike")
    func larger() {
        let small = Self.statement(Self.all, host: 1, followers: [3])
        let large = Self.statement(Self.all, host: 2, followers: [4, 5], term: 2)
        #expect(HostMeeting.wins(large, against: small))
        #expect(!HostMeeting.wins(small, against: large))
    }

    @Test("of two as large the smaller key wins")
    func tie() {
        let one = Self.statement(Self.all, host: 1, followers: [3])
        let other = Self.statement(Self.all, host: 2, followers: [4], term: 2)
        #expect(HostMeeting.wins(one, against: other))
        #expect(!HostMeeting.wins(other, against: one))
    }

    @Test("newcomers that only one of the two knows, and members that follow us, count for nobody")
    func invented() {
        let honest = Self.statement(Self.all, host: 1, followers: [3, 4, 5])
        let liar = Self.statement(
            Self.all + [6, 7, 8, 9, 10], host: 2, followers: [3, 4, 5, 6, 7, 8, 9, 10], term: 9)
        #expect(HostMeeting.wins(honest, against: liar))
    }

    @Test("the room of both: all members, no removed ones, no number twice, the next term")
    func merge() throws {
        let winner = Self.statement(
            [1, 2, 3, 4, 6], host: 2, followers: [3, 4, 6], term: 4, tombstones: [9],
            numbers: [1, 2, 3, 4, 6])
        let loser = Self.statement(
            [1, 2, 3, 4, 7, 9], host: 1, followers: [7, 9], term: 6, tombstones: [4],
            numbers: [1, 2, 3, 4, 6, 7])
        let merged = try #require(
            Self.merge(winner, loser) { $0 != 5 })
        #expect(merged.roster.term == 7 && merged.roster.version == 7)
        #expect(merged.roster.key(of: merged.roster.host) == Self.key(2))
        // 4 and 9 were removed; 7 had the number of 6; 5 rests.
        #expect(
            merged.roster.entries == [
                Roster.Entry(number: 1, key: Self.key(1)),
                Roster.Entry(number: 2, key: Self.key(2)),
                Roster.Entry(number: 3, key: Self.key(3)),
                Roster.Entry(number: 4, key: Self.key(7)),
                Roster.Entry(number: 6, key: Self.key(6)),
            ])
        #expect(merged.tombstones == [Self.key(9), Self.key(4)])
    }

    @Test("the host that goes on is not removed by the word of the other one")
    func hostStays() throws {
        let winner = Self.statement(Self.all, host: 2, followers: [3, 4])
        let loser = Self.statement(Self.all, host: 1, followers: [], tombstones: [2])
        let merged = try #require(Self.merge(winner, loser))
        #expect(merged.roster.entries.count == 5)
        #expect(merged.tombstones.isEmpty)
    }

    @Test("more than sixteen are no room: nobody is dropped, nothing is merged")
    func tooMany() {
        let winner = Self.statement(Array(1...12), host: 1, followers: Array(3...12))
        let loser = Self.statement([1, 2] + Array(20...25), host: 2, followers: Array(20...25))
        #expect(Self.merge(winner, loser) == nil)
    }

    @Test("more than sixteen fit without the longest silent who follow neither host; nobody else")
    func silent() throws {
        let winner = Self.statement(Array(1...12), host: 1, followers: Array(3...10))
        let loser = Self.statement([1, 2] + Array(20...25), host: 2, followers: Array(20...24))
        // 11, 12 and 25 are silent; two too many are in the room.
        let merged = try #require(Self.merge(winner, loser))
        let keys = (Array(1...11) + Array(20...24)).map { Self.key($0) }
        #expect(Set(merged.roster.entries.map(\.key)) == Set(keys))
        let small = Self.statement([1, 2, 20, 21], host: 2, followers: [20])
        let whole = try #require(Self.merge(winner, small))
        #expect(whole.roster.entries.count == 14)
    }

    @Test("a statement of a term that no room has come to is refused")
    func term() throws {
        let highest = HostMeeting.Statement.maximumCount
        for (term, isRead) in [(highest, true), (highest + 1, false), (.max, false)] {
            let statement = Self.statement(Self.all, host: 2, followers: [1], term: term)
            let bytes = [UInt8](capacity: HostMeeting.Statement.maximumSize) {
                statement.encode(into: &$0)
            }
            var reader = ByteReader(bytes.span.bytes)
            #expect(((try? HostMeeting.Statement(from: &reader)) != nil) == isRead)
        }
    }

    @Test("a statement is read as it was written, and no bytes trap its parser")
    func codec() throws {
        let statement = Self.statement(Self.all, host: 2, followers: [1, 4], tombstones: [8, 9])
        let bytes = [UInt8](capacity: HostMeeting.Statement.maximumSize) {
            statement.encode(into: &$0)
        }
        var reader = ByteReader(bytes.span.bytes)
        #expect(try HostMeeting.Statement(from: &reader) == statement)
        var random = SplitMix64(seed: 1)
        for _ in 0..<20_000 {
            var changed = bytes
            changed[Int(random.next(below: UInt32(changed.count)))] = random.next(UInt8.self)
            changed.removeLast(Int(random.next(below: 3)))
            var reader = ByteReader(changed.span.bytes)
            _ = try? HostMeeting.Statement(from: &reader)
        }
    }
}

/// What a successor gets in advance.
@Suite struct SuccessorSupplyTests {
    private let arena = TestSecrets.arena

    private func secret(_ byte: UInt8) -> SecretBytes {
        let bytes = [UInt8](repeating: byte, count: 32)
        return SecretBytes(copying: bytes.span.bytes, in: arena)
    }

    private func supply(
        _ random: inout AnyRandomSource, ticketGeneration: UInt32 = 9
    ) -> SuccessorSupply {
        let codes = [7, 123_456].map {
            SuccessorSupply.Code(
                nameplate: $0, words: CodeWords(using: &random, in: arena), claimToken: secret(3),
                failures: 17, isOnce: $0 != 7)
        }
        return SuccessorSupply(
            codes: codes, tombstones: [KeyPair(random: &random, arena: arena).publicKey],
            isLocked: true, signalIsEmbedded: false, roomKey: secret(5),
            ticketGeneration: ticketGeneration)
    }

    @Test("a generation of tickets that could not be counted on is refused")
    func generation() throws {
        var random = AnyRandomSource(SplitMix64(seed: 1))
        for (generation, isRead) in [
            (Roster.maximumCount, true), (Roster.maximumCount + 1, false), (.max, false),
        ] {
            let bytes = supply(&random, ticketGeneration: generation).encode(arena: arena)
            let read = (try? SuccessorSupply(bytes.span, arena: arena)) != nil
            #expect(read == isRead, "\(generation)")
        }
    }

    @Test("a supply reaches the other side of the pair whole")
    func roundTrip() throws {
        var random = AnyRandomSource(SplitMix64(seed: 1))
        let supply = supply(&random)
        let sender = KeyPair(random: &random, arena: arena).publicKey
        let bytes = supply.encode(arena: arena)
        let message = SupplySeal.seal(
            bytes, counter: 4, sender: sender, pairKey: secret(1), arena: arena)
        let opened = SupplySeal.open(message, sender: sender, pairKey: secret(1), arena: arena)
        guard let opened else {
            Issue.record("it was not opened")
            return
        }
        let read = try SuccessorSupply(opened.span, arena: arena)
        let (codes, tombstones) = (read.codes, read.tombstones)
        #expect(codes.map(\.nameplate) == [7, 123_456] && codes.map(\.isOnce) == [false, true])
        #expect(codes.allSatisfy { $0.failures == 17 })
        let areSame = zip(codes, supply.codes).allSatisfy { one, other in
            let token = other.claimToken.duplicate()
            return one.words.isSame(as: other.words) && one.claimToken.isEqual(to: token.span)
        }
        #expect(areSame)
        let (isLocked, embedded, generation) = (
            read.isLocked, read.signalIsEmbedded, read.ticketGeneration
        )
        let roomKey = secret(5)
        let keyIsSame = read.roomKey.isEqual(to: roomKey.span)
        #expect(isLocked && !embedded && generation == 9 && keyIsSame)
        #expect(tombstones == supply.tombstones)
    }

    @Test("a supply is sealed for one pair, one sender and one time")
    func binding() {
        var random = AnyRandomSource(SplitMix64(seed: 2))
        let supply = supply(&random)
        let bytes = supply.encode(arena: arena)
        let sender = KeyPair(random: &random, arena: arena).publicKey
        let other = KeyPair(random: &random, arena: arena).publicKey
        let message = SupplySeal.seal(
            bytes, counter: 4, sender: sender, pairKey: secret(1), arena: arena)
        func opens(_ message: SupplySeal.Message, _ sender: PublicKey, _ key: UInt8) -> Bool {
            switch SupplySeal.open(message, sender: sender, pairKey: secret(key), arena: arena) {
            case .some: true
            case .none: false
            }
        }
        #expect(opens(message, sender, 1))
        #expect(!opens(message, sender, 2) && !opens(message, other, 1))
        #expect(!opens(.init(counter: 5, sealed: message.sealed), sender, 1))
        for index in message.sealed.indices {
            var changed = message.sealed
            changed[index] ^= 1
            #expect(!opens(.init(counter: 4, sealed: changed), sender, 1))
        }
    }

    @Test("no words of a code stand in the message, nor in the stream that carries it")
    func noPlaintext() {
        var random = AnyRandomSource(SplitMix64(seed: 3))
        let supply = supply(&random)
        let bytes = supply.encode(arena: arena)
        let sender = KeyPair(random: &random, arena: arena).publicKey
        let message = SupplySeal.seal(
            bytes, counter: 1, sender: sender, pairKey: secret(1), arena: arena)
        let encoded = StreamMessage.succession(.supply(message)).encode()
        let plain = bytes.span.withUnsafeBytes { Array($0) }
        let token = [UInt8](repeating: 3, count: 32)
        let part = Array(token[..<8])
        #expect(plain.indices.dropLast(32).contains { Array(plain[$0..<$0 + 32]) == token })
        #expect(
            !encoded.indices.dropLast(8).contains { Array(encoded[$0..<$0 + 8]) == part })
    }

    @Test("no bytes trap the parser of supplies")
    func fuzz() {
        var random = AnyRandomSource(SplitMix64(seed: 4))
        let supply = supply(&random)
        let secret = supply.encode(arena: arena)
        let bytes = secret.span.withUnsafeBytes { Array($0) }
        for _ in 0..<5_000 {
            var changed = bytes
            changed[Int(random.next(below: UInt32(changed.count)))] = random.next(UInt8.self)
            changed.removeLast(Int(random.next(below: 3)))
            _ = try? SuccessorSupply(changed.span.bytes, arena: arena)
        }
    }
}
