/// What vc-signal says that it saw: a member at an address, on a subject. Only the server can make
/// one, and it tells everybody who asks whether it did, for as long as its time slot lasts. So a
/// member cannot name a bystander's address as its own.
public struct Sighting: Equatable, Sendable, BitwiseCopyable {
    /// Where the member was seen.
    public let endpoint: Endpoint
    /// The server's keyed hash over the endpoint, the subject and the time.
    public let seal: Block16

    public init(endpoint: Endpoint, seal: Block16) {
        self.endpoint = endpoint
        self.seal = seal
    }
}

extension Sighting {
    /// Address 16, port 2, seal 16.
    static let encodedSize = Endpoint.encodedSize + Block16.encodedSize

    /// The address stands there as it is: between members it travels sealed.
    func encode(into writer: inout ByteWriter) {
        endpoint.encode(into: &writer)
        seal.encode(into: &writer)
    }

    init(from reader: inout ByteReader) throws(DecodeError) {
        self.init(endpoint: try Endpoint(from: &reader), seal: try Block16(from: &reader))
    }
}

extension Sighting {
    /// What the sightings are about that `witness` shows to `reader`: nobody else can use them, not
    /// in another room either. To the server it is a random number.
    static func subject(room: RoomID, of witness: PublicKey, for reader: PublicKey) -> Block16 {
        let bytes = [UInt8](capacity: 128) { writer in
            writer.write(field: "vc1 sight")
            writer.write(UInt16(RoomID.size))
            room.encode(into: &writer)
            writer.write(UInt16(PublicKey.size))
            witness.encode(into: &writer)
            writer.write(UInt16(PublicKey.size))
            reader.encode(into: &writer)
        }
        return unsafe SHA512.hash(bytes.span.bytes).block
    }
}

// SIGHT and VERIFY, in both directions. Neither answer is longer than its question.
extension SignalFormat {
    /// SIGHT is padded: its answer repeats the subject and carries a sighting.
    static let sightSize = 64
    /// A sighting as vc-signal tells it: the address inverted.
    static func writeSeen(_ sighting: Sighting, into writer: inout ByteWriter) {
        inverted(sighting.endpoint).encode(into: &writer)
        sighting.seal.encode(into: &writer)
    }

    static func readSeen(_ reader: inout ByteReader) throws(DecodeError) -> Sighting {
        let endpoint = inverted(try Endpoint(from: &reader))
        return Sighting(endpoint: endpoint, seal: try Block16(from: &reader))
    }
}

extension SignalRequest {
    public static func writeSight(
        transaction: UInt64, cookie: Block16, subject: Block16, into writer: inout ByteWriter
    ) {
        SignalFormat.writeHeader(Code.sight, transaction, into: &writer)
        cookie.encode(into: &writer)
        subject.encode(into: &writer)
        writer.pad(to: SignalFormat.sightSize)
    }

    public static func writeVerify(
        transaction: UInt64, cookie: Block16, subject: Block16, sighting: Sighting,
        into writer: inout ByteWriter
    ) {
        SignalFormat.writeHeader(Code.verify, transaction, into: &writer)
        cookie.encode(into: &writer)
        subject.encode(into: &writer)
        SignalFormat.writeSeen(sighting, into: &writer)
    }

    static func sight(
        _ reader: inout ByteReader, _ size: Int
    ) throws(DecodeError) -> SignalRequest {
        let cookie = try Block16(from: &reader)
        let subject = try Block16(from: &reader)
        try reader.skip(max(0, SignalFormat.sightSize - (size - reader.remaining)))
        return .sight(cookie: cookie, subject: subject)
    }

    static func verify(_ reader: inout ByteReader) throws(DecodeError) -> SignalRequest {
        .verify(
            cookie: try Block16(from: &reader), subject: try Block16(from: &reader),
            sighting: try SignalFormat.readSeen(&reader))
    }
}

extension SignalAnswer {
    public static func writeSight(
        transaction: UInt64, subject: Block16, sighting: Sighting, into writer: inout ByteWriter
    ) {
        SignalFormat.writeHeader(Code.sight, transaction, into: &writer)
        subject.encode(into: &writer)
        SignalFormat.writeSeen(sighting, into: &writer)
    }

    public static func writeVerified(
        transaction: UInt64, subject: Block16, seal: Block16, isTrue: Bool,
        into writer: inout ByteWriter
    ) {
        SignalFormat.writeHeader(Code.verified, transaction, into: &writer)
        subject.encode(into: &writer)
        seal.encode(into: &writer)
        writer.write(UInt8(isTrue ? 1 : 0))
    }

    static func sight(_ reader: inout ByteReader) throws(DecodeError) -> SignalAnswer {
        .sight(subject: try Block16(from: &reader), try SignalFormat.readSeen(&reader))
    }

    static func verified(_ reader: inout ByteReader) throws(DecodeError) -> SignalAnswer {
        let subject = try Block16(from: &reader)
        let seal = try Block16(from: &reader)
        let answer = try reader.readUInt8()
        guard answer <= 1 else { throw .unexpectedValue }
        return .verified(subject: subject, seal: seal, isTrue: answer == 1)
    }
}
