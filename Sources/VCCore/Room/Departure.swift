/// Who is not in the room any more, and why.
struct Departure: Equatable {
    enum Reason: UInt8 {
        /// By its own wish.
        case left = 1
        /// By the host's.
        case kicked = 2
        /// Silent for a minute.
        case expired = 3

        /// As people see it.
        var state: RoomEvent.MemberState {
            switch self {
            case .left: .left
            case .kicked, .expired: .removed
            }
        }
    }

    /// More in one message are not listened to.
    static let maximumCount = Limits.members

    let key: PublicKey
    let reason: Reason

    /// `count 1 | (key 32, reason 1)*`.
    static func encode(_ list: [Departure], into writer: inout ByteWriter) {
        let list = list.suffix(maximumCount)
        writer.write(UInt8(list.count))
        for departure in list {
            departure.key.encode(into: &writer)
            writer.write(departure.reason.rawValue)
        }
    }

    static func decode(_ reader: inout ByteReader) throws(DecodeError) -> [Departure] {
        let count = Int(try reader.readUInt8())
        guard count <= maximumCount else { throw .tooLong }
        var list: [Departure] = []
        for _ in 0..<count {
            let key = try PublicKey(from: &reader)
            guard let reason = Reason(rawValue: try reader.readUInt8()) else {
                throw .unexpectedValue
            }
            list.append(Departure(key: key, reason: reason))
        }
        return list
    }
}
