internal import CVCLinux
internal import Synchronization

/// A plugin in the way of the sound, which is left out as soon as it takes too long. Belongs to the
/// capture thread.
public struct PluginInsert: ~Copyable {
    private let plugin: Plugin
    private var budget = PluginBudget()
    /// Whether it was too slow: it stays out.
    public private(set) var isBypassed = false

    public init(_ plugin: Plugin) {
        self.plugin = plugin
    }

    /// How many samples later sound comes out than it goes in.
    public var delay: Int { isBypassed ? 0 : plugin.latency }

    /// Sends the first `count` samples through the plugin. What comes out is the plugin's word only
    /// as far as it is numbers.
    public mutating func process(_ samples: borrowing SampleBuffer, count: Int) {
        guard !isBypassed else { return }
        plugin.input.copy(from: samples, at: 0, to: 0, count: count)
        let clock = Pace.now()
        let processor = vc_thread_cpu_nanoseconds()
        plugin.run(count)
        let keepsTime = budget.note(
            count: count, onProcessor: vc_thread_cpu_nanoseconds() &- processor,
            byClock: Pace.now() &- clock)
        if plugin.output.energy(at: 0, count: count).isFinite {
            samples.copy(from: plugin.output, at: 0, to: 0, count: count)
        }
        if !keepsTime { isBypassed = true }
    }
}
