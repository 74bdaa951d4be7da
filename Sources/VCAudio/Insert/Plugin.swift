internal import CLADSPA
internal import VCCore

/// One LADSPA plugin at work. Made on the control thread, because that may take a second (models
/// are loaded); `run` belongs to the capture thread.
@safe
public final class Plugin {
    private let descriptor: PluginFile.Descriptor
    private let instance: UnsafeMutableRawPointer
    /// One number for each port that is none of sound.
    private let values: SampleBuffer
    private let latencyPort: Int?

    /// What goes in, and what came out.
    let input = SampleBuffer(count: FrameDuration.twentyMilliseconds.sampleCount)
    let output = SampleBuffer(count: FrameDuration.twentyMilliseconds.sampleCount)

    /// Loads the file, finds the plugin and its controls, and has it do its first frame.
    public init(_ choice: PluginChoice) throws(PluginError) {
        let file = try PluginFile(choice.file)
        let descriptor = unsafe try file.descriptor(choice.label)
        guard let ports = unsafe PluginPorts(descriptor),
            unsafe descriptor.pointee.instantiate != nil,
            let connect = unsafe descriptor.pointee.connect_port,
            unsafe descriptor.pointee.run != nil
        else { throw .notAPlugin(file: file.path) }
        guard ports.audioInputs.count == 1, ports.audioOutputs.count == 1 else {
            throw .notMono(
                label: choice.label, inputs: ports.audioInputs.count,
                outputs: ports.audioOutputs.count)
        }
        values = SampleBuffer(count: ports.count)
        try Self.set(values, choice, ports)
        guard
            let instance = unsafe descriptor.pointee.instantiate(
                descriptor, UInt(Limits.sampleRate))
        else { throw .refused(label: choice.label) }
        for port in 0..<ports.count { unsafe connect(instance, UInt(port), values.start + port) }
        unsafe connect(instance, UInt(ports.audioInputs[0]), input.start)
        unsafe connect(instance, UInt(ports.audioOutputs[0]), output.start)
        unsafe descriptor.pointee.activate?(instance)
        latencyPort = ports.latency
        unsafe self.descriptor = descriptor
        unsafe self.instance = instance
        // What it only does the first time it does now.
        run(ProcessingOptions.frameSamples)
    }

    deinit {
        unsafe descriptor.pointee.deactivate?(instance)
        unsafe descriptor.pointee.cleanup?(instance)
    }

    /// Turns the first `count` samples of `input` into those of `output`.
    func run(_ count: Int) {
        input.check(0, count)
        unsafe descriptor.pointee.run(instance, UInt(count))
    }

    /// By how many samples it says that it delays: at most a second.
    var latency: Int {
        guard let latencyPort else { return 0 }
        let told = values[latencyPort]
        return told > 0 ? Int(min(told, Float(Limits.sampleRate))) : 0
    }

    private static func set(
        _ values: borrowing SampleBuffer, _ choice: PluginChoice, _ ports: PluginPorts
    ) throws(PluginError) {
        for control in ports.controls { values[control.port] = control.value }
        for given in choice.controls {
            let control = try ports.control(given.name, label: choice.label)
            let isTooLow = control.lowest.map { given.value < $0 } ?? false
            let isTooHigh = control.highest.map { given.value > $0 } ?? false
            guard !isTooLow, !isTooHigh else {
                throw .outOfRange(
                    control: control.name, value: given.value, lowest: control.lowest,
                    highest: control.highest)
            }
            values[control.port] = given.value
        }
    }
}
