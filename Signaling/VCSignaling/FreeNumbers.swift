/// Which numbers from 1 to a limit are free, with the lowest one in constant time: a tree of
/// bitmaps, 64 children to a word. 999,999 numbers take 127 KB.
struct FreeNumbers {
    /// The bottom level has one bit per number; a bit above says that its word below is not zero.
    private var levels: [[UInt64]] = []
    private let limit: UInt32

    init(upTo limit: UInt32) {
        self.limit = limit
        var bits = Int(limit) + 1
        repeat {
            let words = (bits + 63) / 64
            var level = [UInt64](repeating: .max, count: words)
            if bits % 64 != 0 { level[words - 1] = (1 << UInt64(bits % 64)) - 1 }
            levels.append(level)
            bits = words
        } while bits > 1
        // There is no nameplate 0: it stands for "any" on the wire.
        take(0)
    }

    /// The lowest free number: also one of the shortest.
    var lowest: UInt32? {
        var index = 0
        for level in levels.reversed() {
            guard level[index] != 0 else { return nil }
            index = index * 64 + level[index].trailingZeroBitCount
        }
        return UInt32(index)
    }

    func isFree(_ number: UInt32) -> Bool {
        number <= limit && levels[0][Int(number) / 64] >> UInt64(number % 64) & 1 == 1
    }

    mutating func take(_ number: UInt32) {
        var index = Int(number)
        for level in levels.indices {
            levels[level][index / 64] &= ~(1 << UInt64(index % 64))
            guard levels[level][index / 64] == 0 else { return }
            index /= 64
        }
    }

    mutating func release(_ number: UInt32) {
        var index = Int(number)
        for level in levels.indices {
            levels[level][index / 64] |= 1 << UInt64(index % 64)
            index /= 64
        }
    }
}
