/// The numbers of the two members of a pair, as labels on the wire.
struct PairNumbers: Equatable {
    /// Our member number.
    let local: UInt8
    /// The other member's.
    let remote: UInt8
}

/// `C4 | kind 1 | sender number 1 | receiver number 1 | Noise message | mac1 16`.
enum HandshakeDatagram {
    static let headerSize = 4

    enum Kind: UInt8 {
        /// Asks the starter for new keys where no session is left: 8 random bytes.
        case knock = 0
        /// Noise message 1.
        case first = 1
        /// Noise message 2.
        case second = 2
    }

    /// The sealed part of both Noise messages: counter 8, receiver index 4.
    static func payload(counter: UInt64, index: UInt32) -> [UInt8] {
        (0..<8).map { UInt8(truncatingIfNeeded: counter >> UInt64(56 - 8 * $0)) }
            + (0..<4).map { UInt8(truncatingIfNeeded: index >> UInt32(24 - 8 * $0)) }
    }

    static func parse(payload: RawSpan) -> (counter: UInt64, index: UInt32)? {
        var reader = ByteReader(payload)
        do throws(DecodeError) {
            let counter = try reader.readUInt64()
            let index = try reader.readUInt32()
            try reader.expectEnd()
            return (counter, index)
        } catch {
            return nil
        }
    }

    /// The sender number of a datagram that has the shape of a handshake for `receiver`.
    static func sender(of datagram: RawSpan, receiver: UInt8) -> UInt8? {
        var reader = ByteReader(datagram)
        do throws(DecodeError) {
            try reader.expect(PacketType.handshake)
            try reader.skip(1)
            let sender = try reader.readUInt8()
            try reader.expect(receiver)
            return sender
        } catch {
            return nil
        }
    }

    /// A datagram with its mac1.
    static func make(
        _ kind: Kind, names: PairNumbers, macKey: borrowing SecretBytes,
        body: (inout ByteWriter) -> Void
    ) -> [UInt8] {
        var storage = [UInt8](repeating: 0, count: 160)
        let size = storage.write { writer in
            writer.write(PacketType.handshake)
            writer.write(kind.rawValue)
            writer.write(names.local)
            writer.write(names.remote)
            body(&writer)
        }
        storage.removeLast(storage.count - size)
        let mac = unsafe MAC(of: storage.span.bytes, key: macKey)
        var tag = [UInt8](repeating: 0, count: MAC.size)
        _ = tag.write { mac.encode(into: &$0) }
        return storage + tag
    }
}
