/// Whether a plugin keeps to its time. What it takes over its budget is a debt, what it leaves pays
/// it back: so a single slow frame is forgiven, and one that is always too slow is not.
struct PluginBudget {
    /// Half of a frame's time on the processor: the rest is for the others who need it.
    private static var processorShare: UInt64 { 2 }
    /// 20 ms of it over the budget: the jitter buffers of the others have hardly grown by then.
    private static var processorDebt: UInt64 { 20_000_000 }
    /// One second by the clock, where what it waits for is counted too, but also what other
    /// programs take from it, which it cannot help.
    private static var clockDebt: UInt64 { 1_000_000_000 }

    private var processor: UInt64 = 0
    private var clock: UInt64 = 0

    /// Notes a frame of `count` samples that took so many nanoseconds on the processor and by the
    /// clock. False from when that is too much.
    mutating func note(count: Int, onProcessor: UInt64, byClock: UInt64) -> Bool {
        let duration = UInt64(count) * 62_500 / 3
        processor = Self.owed(processor, onProcessor, duration / Self.processorShare)
        clock = Self.owed(clock, byClock, duration)
        return processor < Self.processorDebt && clock < Self.clockDebt
    }

    private static func owed(_ debt: UInt64, _ taken: UInt64, _ budget: UInt64) -> UInt64 {
        let sum = debt &+ min(taken, UInt64.max / 4)
        return sum > budget ? sum - budget : 0
    }
}
