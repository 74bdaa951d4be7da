import VCCore

/// A running hash over what arrived where and when (FNV-1a, a word at a time): equal for equal
/// runs.
struct NetworkTrace: Sendable {
    private(set) var value: UInt64 = 0xCBF2_9CE4_8422_2325

    mutating func note(
        _ bytes: [UInt8], from source: Endpoint, to destination: Endpoint, at time: Instant
    ) {
        note(time.nanoseconds)
        note(source.low ^ UInt64(source.port))
        note(destination.low ^ UInt64(destination.port))
        note(UInt64(bytes.count))
        bytes.withUnsafeBytes { bytes in
            var offset = 0
            while offset + 8 <= bytes.count {
                note(bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
                offset += 8
            }
            while offset < bytes.count {
                note(UInt64(bytes[offset]))
                offset += 1
            }
        }
    }

    private mutating func note(_ word: UInt64) {
        value = (value ^ word) &* 0x100_0000_01B3
    }
}
