/// Chat for some members only: `id 8 | count 1 | number * count | text`. Only they get it; the
/// numbers tell them who else does.
struct WhisperMessage: Equatable {
    /// The author's number for it.
    var id: UInt64
    /// Whom it is for, the receiver included; lowest first.
    var members: [UInt8]
    var text: [UInt8]

    func encode(into writer: inout ByteWriter) {
        writer.write(id)
        writer.write(UInt8(members.count))
        for member in members { writer.write(member) }
        unsafe writer.write(bytes: text.span.bytes)
    }

    init(id: UInt64, members: [UInt8], text: [UInt8]) {
        self.id = id
        self.members = members
        self.text = text
    }

    init(from reader: inout ByteReader) throws(DecodeError) {
        id = try reader.readUInt64()
        let count = Int(try reader.readUInt8())
        guard (1...Limits.members).contains(count) else { throw .tooLong }
        members = []
        for _ in 0..<count {
            let member = try reader.readUInt8()
            guard member > (members.last ?? 0), member <= Limits.members else {
                throw .unexpectedValue
            }
            members.append(member)
        }
        guard reader.remaining <= Limits.chatMessage else { throw .tooLong }
        text = unsafe reader.readRest().withUnsafeBytes { unsafe Array($0) }
    }
}
