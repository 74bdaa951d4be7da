import Testing
import VCCore

@Suite struct ByteReaderTests {
    @Test("what is written is read back, big-endian")
    func roundTrip() throws {
        var storage = [UInt8](repeating: 0xFF, count: 32)
        var written = 0
        var overflowed = true
        do {
            var span = storage.mutableSpan
            var writer = ByteWriter(span.mutableBytes)
            writer.write(UInt8(0xC5))
            writer.write(UInt16(0x0102))
            writer.write(UInt32(0x0304_0506))
            writer.write(UInt64(0x0708_090A_0B0C_0D0E))
            writer.write(field: ([1, 2, 3] as [UInt8]).span.bytes)
            written = writer.count
            overflowed = writer.overflowed
        }
        #expect(!overflowed)
        #expect(Array(storage[..<7]) == [0xC5, 1, 2, 3, 4, 5, 6])
        var reader = ByteReader(storage.span.bytes.extracting(0..<written))
        let first = try reader.readUInt8()
        let second = try reader.readUInt16()
        let third = try reader.readUInt32()
        let fourth = try reader.readUInt64()
        let fieldSize = try reader.readField(limit: 3).byteCount
        try reader.expectEnd()
        #expect(first == 0xC5)
        #expect(second == 0x0102)
        #expect(third == 0x0304_0506)
        #expect(fourth == 0x0708_090A_0B0C_0D0E)
        #expect(fieldSize == 3)
    }

    @Test("a field that ends early, is too long or is followed by more is refused")
    func refusals() {
        func error(_ bytes: [UInt8], _ body: (inout ByteReader) throws(DecodeError) -> Void)
            -> DecodeError?
        {
            var reader = ByteReader(bytes.span.bytes)
            do throws(DecodeError) {
                try body(&reader)
                return nil
            } catch {
                return error
            }
        }
        #expect(error([1]) { (r) throws(DecodeError) in _ = try r.readUInt16() } == .truncated)
        #expect(
            error([0, 2, 9]) { (r) throws(DecodeError) in _ = try r.readField(limit: 8) }
                == .truncated)
        #expect(
            error([0, 9]) { (r) throws(DecodeError) in _ = try r.readField(limit: 8) } == .tooLong)
        #expect(error([1]) { (r) throws(DecodeError) in try r.expect(2) } == .unexpectedValue)
        #expect(error([1]) { (r) throws(DecodeError) in try r.expectEnd() } == .trailingBytes)
    }

    @Test("a write that does not fit is remembered and leaves the memory alone")
    func overflow() {
        var storage: [UInt8] = [7, 7]
        var overflowed = false
        do {
            var span = storage.mutableSpan
            var writer = ByteWriter(span.mutableBytes)
            writer.write(UInt32(1))
            writer.write(UInt8(1))
            overflowed = writer.overflowed
        }
        #expect(overflowed)
        #expect(storage == [7, 7])
    }
}
