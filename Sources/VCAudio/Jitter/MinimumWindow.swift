/// The smallest of the values of the last two seconds, kept as one minimum per quarter second.
///
/// Times and values are in samples (48 kHz).
struct MinimumWindow {
    /// Blocks that are remembered, the current one among them.
    static let blockCount = 8
    /// Samples of a block: 250 ms.
    static let blockLength = 12_000

    private struct Block: BitwiseCopyable {
        /// Time divided by `blockLength`.
        var number = Int.min
        var minimum = Int.max
    }

    private var blocks = InlineArray<8, Block>(repeating: Block())

    @_noLocks @_noAllocation
    mutating func record(_ value: Int, at time: Int) {
        let number = time / Self.blockLength
        let place = number & (Self.blockCount - 1)
        if blocks[place].number != number {
            blocks[place] = Block(number: number, minimum: value)
        } else if value < blocks[place].minimum {
            blocks[place].minimum = value
        }
    }

    /// The smallest value of the last two seconds before `time`, or nil.
    @_noLocks @_noAllocation
    func minimum(at time: Int) -> Int? {
        let number = time / Self.blockLength
        var smallest = Int.max
        var index = 0
        while index < Self.blockCount {
            let block = blocks[index]
            if block.number > number - Self.blockCount, block.number <= number,
                block.minimum < smallest
            {
                smallest = block.minimum
            }
            index += 1
        }
        return smallest == Int.max ? nil : smallest
    }

    /// Adds `difference` to every value.
    @_noLocks @_noAllocation
    mutating func shift(by difference: Int) {
        var index = 0
        while index < Self.blockCount {
            if blocks[index].minimum != Int.max { blocks[index].minimum += difference }
            index += 1
        }
    }

    @_noLocks @_noAllocation
    mutating func clear() {
        var index = 0
        while index < Self.blockCount {
            blocks[index] = Block()
            index += 1
        }
    }
}
