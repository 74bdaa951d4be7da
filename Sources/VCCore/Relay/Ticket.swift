/// What vc-signal gives a member so that relays forward for it: 131 bytes,
/// `version 1 | key id 4 | room id 16 | generation 4 | member 1 | member key 32 | class 1 |
/// expiry 8 | signature 64`.
///
/// It is of no use to whoever copies it from the wire: the relay wants a signature by the member
/// key over a fresh cookie and both addresses.
public struct Ticket: Equatable, Sendable, BitwiseCopyable {
    /// What its holder may do.
    public enum Class: UInt8, Sendable, CaseIterable, BitwiseCopyable {
        /// A member of a voice room: one token bucket at the relay.
        case voice = 1
    }

    /// Why a relay does not take a ticket.
    public enum Refusal: Error, Equatable, Sendable {
        /// Signed with a key that the relay does not know.
        case unknownKey
        /// Not signed, or altered after that.
        case badSignature
        /// Its time is over.
        case expired
        /// No member has this number.
        case noSuchMember
    }

    /// In bytes.
    public static let encodedSize = 131
    /// In bytes: what the signature covers, behind its label.
    private static let signedSize = encodedSize - Signature.size
    private static let label: StaticString = "vc1 ticket"
    private static let labelSize = 10
    /// Hosts ask for new ones at half of this.
    public static let lifetimeSeconds: UInt64 = 24 * 3_600
    /// By how many seconds the wall clocks of vc-signal and a relay may differ.
    public static let clockTolerance: UInt64 = 120

    /// `VerifyKey.id` of the key that has signed it.
    public let keyID: UInt32
    public let roomID: Block16
    /// Rises when a member is removed from the room: relays forget the lower ones 10 s later.
    public let generation: UInt32
    /// The member's number, 1 to 16.
    public let member: UInt8
    /// Who may use it.
    public let memberKey: VerifyKey
    public let ticketClass: Class
    /// Wall clock, Unix seconds.
    public let expiry: UInt64
    private let signature: Signature

    /// Signs a new one.
    ///
    /// - Parameter expiry: wall clock, Unix seconds.
    public init(
        roomID: Block16, generation: UInt32, member: UInt8, memberKey: VerifyKey,
        ticketClass: Class = .voice, expiry: UInt64, signedWith key: borrowing SigningKey
    ) {
        self.roomID = roomID
        self.generation = generation
        self.member = member
        self.memberKey = memberKey
        self.ticketClass = ticketClass
        self.expiry = expiry
        keyID = key.verifyKey.id
        var signed = [UInt8](repeating: 0, count: Self.labelSize + Self.signedSize)
        _ = signed.write {
            $0.write(text: Self.label)
            Self.writeFields(
                keyID: key.verifyKey.id, roomID: roomID, generation: generation, member: member,
                memberKey: memberKey, ticketClass: ticketClass, expiry: expiry, into: &$0)
        }
        signature = unsafe key.sign(signed.span.bytes)
    }

    /// Throws unless one of `keys` has signed it, its time is not over, and it names a member.
    ///
    /// - Parameter unixSeconds: the wall clock.
    public func check(
        against keys: [VerifyKey], unixSeconds: UInt64
    ) throws(Refusal) {
        guard let key = keys.first(where: { $0.id == keyID }) else { throw .unknownKey }
        guard unixSeconds < Self.clockTolerance || unixSeconds - Self.clockTolerance < expiry
        else { throw .expired }
        guard member >= 1, member <= Limits.members else { throw .noSuchMember }
        var signed = [UInt8](repeating: 0, count: Self.labelSize + Self.signedSize)
        _ = signed.write {
            $0.write(text: Self.label)
            writeFields(into: &$0)
        }
        guard unsafe key.verifies(signature, of: signed.span.bytes) else { throw .badSignature }
    }
}

extension Ticket {
    public init(from reader: inout ByteReader) throws(DecodeError) {
        guard try reader.readUInt8() == protocolVersion else { throw .unsupportedVersion }
        keyID = try reader.readUInt32()
        roomID = try Block16(from: &reader)
        generation = try reader.readUInt32()
        member = try reader.readUInt8()
        memberKey = try VerifyKey(from: &reader)
        guard let ticketClass = Class(rawValue: try reader.readUInt8()) else {
            throw .unexpectedValue
        }
        self.ticketClass = ticketClass
        expiry = try reader.readUInt64()
        signature = try Signature(from: &reader)
    }

    /// Reads a ticket that stands alone.
    public init(_ bytes: [UInt8]) throws(DecodeError) {
        var reader = unsafe ByteReader(bytes.span.bytes)
        try self.init(from: &reader)
        try reader.expectEnd()
    }

    public func encode(into writer: inout ByteWriter) {
        writeFields(into: &writer)
        signature.encode(into: &writer)
    }

    /// All 131 bytes.
    public var encoded: [UInt8] {
        [UInt8](capacity: Self.encodedSize) { encode(into: &$0) }
    }

    private func writeFields(into writer: inout ByteWriter) {
        Self.writeFields(
            keyID: keyID, roomID: roomID, generation: generation, member: member,
            memberKey: memberKey, ticketClass: ticketClass, expiry: expiry, into: &writer)
    }

    private static func writeFields(
        keyID: UInt32, roomID: Block16, generation: UInt32, member: UInt8, memberKey: VerifyKey,
        ticketClass: Class, expiry: UInt64, into writer: inout ByteWriter
    ) {
        writer.write(protocolVersion)
        writer.write(keyID)
        roomID.encode(into: &writer)
        writer.write(generation)
        writer.write(member)
        memberKey.encode(into: &writer)
        writer.write(ticketClass.rawValue)
        writer.write(expiry)
    }
}
