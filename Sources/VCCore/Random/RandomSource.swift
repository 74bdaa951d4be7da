/// Where a machine draws its randomness from. Shells hand in the kernel's generator; tests a seed,
/// so that the same seed gives the same run.
///
/// Key material goes straight into wiped memory through `fill`, never through an integer.
public protocol RandomSource {
    /// Fills all of `bytes` with bytes that nobody can predict.
    mutating func fill(_ bytes: UnsafeMutableRawBufferPointer)
}

extension RandomSource {
    /// A uniformly random integer.
    public mutating func next<Integer: FixedWidthInteger>(_: Integer.Type = Integer.self) -> Integer
    {
        var value: Integer = 0
        unsafe withUnsafeMutableBytes(of: &value) { unsafe fill($0) }
        return value
    }

    /// A uniformly random integer below `bound`, without modulo bias (Lemire's rejection).
    public mutating func next(below bound: UInt32) -> UInt32 {
        precondition(bound > 0, "the range is empty")
        let threshold = (0 &- bound) % bound
        while true {
            let product = UInt64(next(UInt32.self)) &* UInt64(bound)
            if UInt32(truncatingIfNeeded: product) >= threshold {
                return UInt32(truncatingIfNeeded: product >> 32)
            }
        }
    }
}

/// Any source behind one type, so that machines need no generic parameter for it.
public struct AnyRandomSource: RandomSource {
    private var base: any RandomSource

    public init(_ base: any RandomSource) {
        self.base = base
    }

    public mutating func fill(_ bytes: UnsafeMutableRawBufferPointer) {
        unsafe base.fill(bytes)
    }
}

/// SplitMix64 (Steele, Lea, Flood 2014): the seeded generator of tests and simulations, and of
/// nothing that must not be guessed.
public struct SplitMix64: RandomSource, RandomNumberGenerator, Sendable {
    private var state: UInt64

    public init(seed: UInt64) {
        state = seed
    }

    public mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }

    public mutating func fill(_ bytes: UnsafeMutableRawBufferPointer) {
        for index in bytes.indices {
            unsafe bytes[index] = UInt8(truncatingIfNeeded: next() >> 24)
        }
    }
}
