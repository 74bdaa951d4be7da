import Testing
import VCTestKit

@testable import VCCore

/// Keys and tickets of relay tests.
enum RelayFixture {
    static func bytes(_ write: (inout ByteWriter) -> Void) -> [UInt8] {
        [UInt8](writing: write)
    }

    static func key(_ seed: UInt64) -> SigningKey {
        var random = AnyRandomSource(SplitMix64(seed: seed))
        return SigningKey(random: &random, arena: TestSecrets.arena)
    }

    static func ticket(
        member: UInt8 = 3, generation: UInt32 = 1, expiry: UInt64 = 100_000, memberKey: UInt64 = 2,
        signedBy server: UInt64 = 1
    ) -> Ticket {
        Ticket(
            roomID: Block16(high: 5, low: 6), generation: generation, member: member,
            memberKey: key(memberKey).verifyKey, expiry: expiry, signedWith: key(server))
    }
}

@Suite struct TicketTests {
    private static let keys = [RelayFixture.key(1).verifyKey]

    private static func refusal(
        _ ticket: Ticket, keys: [VerifyKey] = keys, at seconds: UInt64 = 50_000
    ) -> Ticket.Refusal? {
        do throws(Ticket.Refusal) {
            try ticket.check(against: keys, unixSeconds: seconds)
            return nil
        } catch {
            return error
        }
    }

    @Test("a ticket has 131 bytes and comes back from them as it was")
    func roundTrip() throws {
        let ticket = RelayFixture.ticket()
        let bytes = ticket.encoded
        #expect(bytes.count == 131 && bytes.count == Ticket.encodedSize)
        let decoded = try Ticket(bytes)
        #expect(decoded == ticket)
        #expect(decoded.member == 3 && decoded.generation == 1 && decoded.expiry == 100_000)
        #expect(decoded.roomID == Block16(high: 5, low: 6))
        #expect(decoded.memberKey == RelayFixture.key(2).verifyKey)
        #expect(decoded.keyID == RelayFixture.key(1).verifyKey.id)
        #expect(Self.refusal(decoded) == nil)
    }

    @Test("a ticket with any bit flipped, cut or longer is refused")
    func altered() {
        let bytes = RelayFixture.ticket().encoded
        for bit in 0..<bytes.count * 8 {
            var copy = bytes
            copy[bit / 8] ^= 1 << UInt8(bit % 8)
            guard let ticket = try? Ticket(copy) else { continue }
            #expect(Self.refusal(ticket) != nil, "bit \(bit)")
        }
        #expect(throws: DecodeError.truncated) { try Ticket(Array(bytes.dropLast())) }
        #expect(throws: DecodeError.trailingBytes) { try Ticket(bytes + [0]) }
    }

    @Test("a ticket holds until 120 s after its expiry, and does not wrap around")
    func expiry() {
        let ticket = RelayFixture.ticket(expiry: 100_000)
        #expect(Self.refusal(ticket, at: 0) == nil)
        #expect(Self.refusal(ticket, at: 100_119) == nil)
        #expect(Self.refusal(ticket, at: 100_120) == .expired)
        #expect(Self.refusal(ticket, at: .max) == .expired)
        #expect(Self.refusal(RelayFixture.ticket(expiry: 0), at: 119) == nil)
        #expect(Self.refusal(RelayFixture.ticket(expiry: 0), at: 120) == .expired)
        #expect(Self.refusal(RelayFixture.ticket(expiry: .max), at: 50_000) == nil)
    }

    @Test("a ticket of another server, or for no member, is refused")
    func foreign() {
        #expect(Self.refusal(RelayFixture.ticket(signedBy: 9)) == .unknownKey)
        #expect(Self.refusal(RelayFixture.ticket(), keys: []) == .unknownKey)
        let both = [RelayFixture.key(9).verifyKey, Self.keys[0]]
        #expect(Self.refusal(RelayFixture.ticket(), keys: both) == nil)
        #expect(Self.refusal(RelayFixture.ticket(signedBy: 9), keys: both) == nil)
        #expect(Self.refusal(RelayFixture.ticket(member: 0)) == .noSuchMember)
        #expect(Self.refusal(RelayFixture.ticket(member: 17)) == .noSuchMember)
        #expect(Self.refusal(RelayFixture.ticket(member: 16)) == nil)
    }
}
