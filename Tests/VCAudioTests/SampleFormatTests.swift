import Testing

@testable import VCAudio

@Suite struct SampleFormatTests {
    @Test("what is written to every channel is read back", arguments: ALSASampleFormat.allCases)
    func roundTrip(format: ALSASampleFormat) {
        let sound = SampleBuffer(count: 64)
        for index in 0..<64 { sound[index] = Float(index - 32) / 32 }
        // The fourth byte of three is nobody's.
        for channels in [1, 2, 8] {
            let bytes = UnsafeMutableRawBufferPointer.allocate(
                byteCount: 64 * channels * format.size, alignment: 16)
            defer { bytes.deallocate() }
            format.write(
                sound, at: 0, count: 64, channels: channels, into: bytes.baseAddress!)
            if format == .int24Padded {
                for index in stride(from: 3, to: bytes.count, by: 4) { bytes[index] = 0x5A }
            }
            let back = SampleBuffer(count: 64)
            format.read(
                bytes.baseAddress!, count: 64, channels: channels, into: back, at: 0)
            for index in 0..<64 { #expect(abs(back[index] - sound[index]) < 1 / 32_000) }
        }
    }

    @Test("full scale is the largest number, and no more")
    func fullScale() {
        let sound = SampleBuffer(count: 2)
        sound[0] = 3
        sound[1] = -1
        var bytes = [UInt8](repeating: 0, count: 6)
        bytes.withUnsafeMutableBytes {
            ALSASampleFormat.int24.write(
                sound, at: 0, count: 2, channels: 1, into: $0.baseAddress!)
        }
        #expect(bytes == [0xFF, 0xFF, 0x7F, 0x01, 0x00, 0x80])
    }
}
