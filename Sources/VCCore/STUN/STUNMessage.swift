/// STUN Binding (RFC 8489), the part that tells a client which address the world sees.
public enum STUNMessage {
    /// Section 5: the value that tells STUN from what came before it.
    static let magicCookie: UInt32 = 0x2112_A442
    /// Section 5.
    public static let headerSize = 20
    /// Our requests are padded to this, so that no answer (32 bytes for IPv4, 44 for IPv6) is
    /// longer than its question.
    public static let paddedRequestSize = 48

    static let bindingRequest: UInt16 = 0x0001
    static let bindingSuccess: UInt16 = 0x0101
    /// Section 14.2.
    static let xorMappedAddress: UInt16 = 0x0020
    /// Section 14.14. Comprehension-optional, so every server accepts it as padding; the PADDING of
    /// RFC 5780 is comprehension-required.
    static let software: UInt16 = 0x8022

    /// The 96 bits that tie an answer to its question (section 5).
    public struct TransactionID: Hashable, Sendable, BitwiseCopyable {
        /// The first 4 bytes, big-endian value.
        public let high: UInt32
        /// The last 8 bytes, big-endian value.
        public let low: UInt64

        public init(high: UInt32, low: UInt64) {
            self.high = high
            self.low = low
        }

        public init(random: inout some RandomSource) {
            self.init(high: random.next(), low: random.next())
        }
    }

    /// Whether these bytes claim to be STUN: the upper two bits are zero and the magic cookie is in
    /// its place.
    public static func isSTUN(_ datagram: RawSpan) -> Bool {
        guard datagram.byteCount >= headerSize else { return false }
        var reader = ByteReader(datagram)
        do throws(DecodeError) {
            guard PacketType.stun.contains(try reader.readUInt8()) else { return false }
            try reader.skip(3)
            return try reader.readUInt32() == magicCookie
        } catch {
            return false
        }
    }

    /// Writes a Binding request of `paddedRequestSize` bytes.
    public static func writeRequest(_ transaction: TransactionID, into writer: inout ByteWriter) {
        let padding = paddedRequestSize - headerSize - 4
        writeHeader(bindingRequest, length: 4 + padding, transaction, into: &writer)
        writer.write(software)
        writer.write(UInt16(padding))
        writer.write(UInt8(ascii: "v"))
        writer.write(UInt8(ascii: "c"))
        while writer.count < paddedRequestSize, !writer.overflowed {
            writer.write(UInt8(ascii: " "))
        }
    }

    /// Reads a Binding request. One with an attribute that must be understood and is not throws
    /// `unexpectedValue`: section 6.3.1 would answer it with an error, which is longer than it.
    public static func decodeRequest(
        _ datagram: RawSpan
    ) throws(DecodeError) -> TransactionID {
        var reader = ByteReader(datagram)
        let transaction = try readHeader(bindingRequest, from: &reader)
        while reader.remaining > 0 {
            let attribute = try readAttribute(from: &reader)
            // Section 14: types below 0x8000 must be understood. We know none in a request.
            guard attribute.type >= 0x8000 else { throw .unexpectedValue }
        }
        return transaction
    }

    /// Writes a Binding success response that tells `observed`.
    public static func writeResponse(
        _ transaction: TransactionID, observed: Endpoint, into writer: inout ByteWriter
    ) {
        let addressBytes = observed.ipv4 == nil ? 16 : 4
        writeHeader(bindingSuccess, length: 8 + addressBytes, transaction, into: &writer)
        writer.write(xorMappedAddress)
        writer.write(UInt16(4 + addressBytes))
        writer.write(UInt8(0))
        writer.write(UInt8(observed.ipv4 == nil ? 2 : 1))
        writer.write(observed.port ^ UInt16(magicCookie >> 16))
        if let address = observed.ipv4 {
            writer.write(address ^ magicCookie)
        } else {
            writer.write(observed.high ^ (UInt64(magicCookie) << 32 | UInt64(transaction.high)))
            writer.write(observed.low ^ transaction.low)
        }
    }

    /// Reads a Binding success response: whose question it answers and the address that it tells.
    public static func decodeResponse(
        _ datagram: RawSpan
    ) throws(DecodeError) -> (transaction: TransactionID, observed: Endpoint) {
        var reader = ByteReader(datagram)
        let transaction = try readHeader(bindingSuccess, from: &reader)
        var observed: Endpoint?
        while reader.remaining > 0 {
            let attribute = try readAttribute(from: &reader)
            if attribute.type == xorMappedAddress {
                // Section 14: of an attribute that comes twice only the first one counts.
                if observed == nil {
                    let end = datagram.byteCount - reader.remaining
                    let start = end - paddedLength(attribute.length)
                    let value = datagram.extracting(start..<start + attribute.length)
                    observed = try decodeXORMappedAddress(value, transaction)
                }
            } else if attribute.type < 0x8000, !knownInResponses.contains(attribute.type) {
                throw .unexpectedValue
            }
        }
        guard let observed else { throw .truncated }
        return (transaction, observed)
    }

    /// MAPPED-ADDRESS (0x0001), SOURCE-ADDRESS (0x0004), CHANGED-ADDRESS (0x0005): required, and
    /// sent by servers in the field that serve RFC 3489 clients too.
    private static let knownInResponses: [UInt16] = [0x0001, 0x0004, 0x0005]

    private static func decodeXORMappedAddress(
        _ value: RawSpan, _ transaction: TransactionID
    ) throws(DecodeError) -> Endpoint {
        var reader = ByteReader(value)
        try reader.skip(1)
        let family = try reader.readUInt8()
        let port = try reader.readUInt16() ^ UInt16(magicCookie >> 16)
        switch family {
        case 1:
            let address = try reader.readUInt32() ^ magicCookie
            try reader.expectEnd()
            return Endpoint(ipv4: address, port: port)
        case 2:
            let high =
                try reader.readUInt64() ^ (UInt64(magicCookie) << 32 | UInt64(transaction.high))
            let low = try reader.readUInt64() ^ transaction.low
            try reader.expectEnd()
            return Endpoint(high: high, low: low, port: port)
        default:
            throw .unexpectedValue
        }
    }

    private static func writeHeader(
        _ type: UInt16, length: Int, _ transaction: TransactionID, into writer: inout ByteWriter
    ) {
        writer.write(type)
        writer.write(UInt16(length))
        writer.write(magicCookie)
        writer.write(transaction.high)
        writer.write(transaction.low)
    }

    private static func readHeader(
        _ type: UInt16, from reader: inout ByteReader
    ) throws(DecodeError) -> TransactionID {
        guard try reader.readUInt16() == type else { throw .unexpectedValue }
        let length = Int(try reader.readUInt16())
        guard try reader.readUInt32() == magicCookie else { throw .unexpectedValue }
        let transaction = TransactionID(
            high: try reader.readUInt32(), low: try reader.readUInt64())
        // Section 5: the length counts what follows the header, in steps of 4.
        guard length <= reader.remaining else { throw .truncated }
        guard length == reader.remaining else { throw .trailingBytes }
        guard length % 4 == 0 else { throw .unexpectedValue }
        return transaction
    }

    /// Passes over one attribute and its padding.
    private static func readAttribute(
        from reader: inout ByteReader
    ) throws(DecodeError) -> (type: UInt16, length: Int) {
        let type = try reader.readUInt16()
        let length = Int(try reader.readUInt16())
        try reader.skip(paddedLength(length))
        return (type, length)
    }

    /// Section 14: values are padded to 4 bytes, the length does not count that.
    private static func paddedLength(_ length: Int) -> Int {
        (length + 3) & ~3
    }
}
