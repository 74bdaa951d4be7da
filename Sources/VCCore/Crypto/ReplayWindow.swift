/// Which packet counters were already accepted: a ring of bits behind the highest one (RFC 6479).
/// 1,024 packets are 10 seconds of voice, more than any network reorders.
public struct ReplayWindow: BitwiseCopyable {
    /// Counters this far behind the highest are still accepted, once each.
    public static let size: UInt64 = 1_024

    /// Twice the window: a power of two with room for the word that is being filled.
    private static let wordCount: UInt64 = 32

    private var words: [32 of UInt64] = .init(repeating: 0)
    /// One above the highest counter accepted.
    private var end: UInt64 = 0

    public init() {}

    /// Whether `counter` is new. Called before the tag is checked, so it changes nothing.
    @_noLocks @_noAllocation
    @inlinable
    public func isNew(_ counter: UInt64) -> Bool {
        judge(counter)
    }

    /// Remembers `counter`, whose packet was authentic.
    @_noLocks @_noAllocation
    public mutating func accept(_ counter: UInt64) {
        guard judge(counter) else { return }
        if counter >= end {
            let from = end >> 6
            let to = counter >> 6
            // Words that the window moves into are cleared: at most all of them.
            let oldest = to >= ReplayWindow.wordCount ? to - ReplayWindow.wordCount + 1 : 0
            var word = max(from + (end & 63 == 0 ? 0 : 1), oldest)
            while word <= to {
                words[Int(word % ReplayWindow.wordCount)] = 0
                word += 1
            }
            end = counter + 1
        }
        words[Int((counter >> 6) % ReplayWindow.wordCount)] |= 1 << (counter & 63)
    }

    @_noLocks @_noAllocation
    @usableFromInline
    func judge(_ counter: UInt64) -> Bool {
        guard counter < .max - 1_024 else { return false }
        if counter >= end { return true }
        guard end - counter <= ReplayWindow.size else { return false }
        return words[Int((counter >> 6) % ReplayWindow.wordCount)] & (1 << (counter & 63)) == 0
    }
}
