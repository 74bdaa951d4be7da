internal import CLADSPA
internal import Glibc

/// What goes into a plugin and comes out of it, read from its description.
@safe
struct PluginPorts {
    struct Control {
        let port: Int
        let name: String
        let value: Float
        let lowest: Float?
        let highest: Float?
    }

    /// More than any plugin has.
    private static let limit = 1_024

    let count: Int
    private(set) var audioInputs: [Int] = []
    private(set) var audioOutputs: [Int] = []
    /// The controls that can be set, with their usual values.
    private(set) var controls: [Control] = []
    /// Where the plugin says how many samples it delays, if it does.
    private(set) var latency: Int?

    init?(_ descriptor: PluginFile.Descriptor) {
        let plugin = unsafe descriptor.pointee
        guard unsafe plugin.port_count <= UInt(Self.limit),
            let kinds = unsafe plugin.port_descriptors,
            let names = unsafe plugin.port_names
        else { return nil }
        count = unsafe Int(plugin.port_count)
        for port in 0..<count {
            let kind = unsafe kinds[port]
            let name = unsafe names[port].map { unsafe String(cString: $0) } ?? ""
            let isInput = kind & VC_LADSPA_PORT_INPUT != 0
            if kind & VC_LADSPA_PORT_AUDIO != 0 {
                if isInput { audioInputs.append(port) } else { audioOutputs.append(port) }
            } else if isInput {
                let range = unsafe plugin.port_ranges?[port] ?? vc_ladspa_range()
                controls.append(Control(port: port, name: name, range: range))
            } else if name == "latency" || name == "_latency" {
                latency = port
            }
        }
    }

    /// The control that `name` means: capitals do not count, and its beginning suffices.
    func control(_ name: String, label: String) throws(PluginError) -> Control {
        let wanted = name.lowercased()
        if let exact = controls.first(where: { $0.name.lowercased() == wanted }) { return exact }
        let meant = controls.filter { $0.name.lowercased().hasPrefix(wanted) }
        guard let first = meant.first else {
            throw .noSuchControl(name, label: label, known: controls.map(\.name))
        }
        guard meant.count == 1 else {
            throw .ambiguousControl(name, among: meant.map(\.name))
        }
        return first
    }
}

extension PluginPorts.Control {
    /// The control `name` on `port` with the value that its plugin wants it to have.
    init(port: Int, name: String, range: vc_ladspa_range) {
        let scale: Float = range.hints & VC_LADSPA_SAMPLE_RATE != 0 ? 48_000 : 1
        let lower = range.lower * scale
        let upper = range.upper * scale
        self.port = port
        self.name = name
        lowest = range.hints & VC_LADSPA_BOUNDED_BELOW != 0 ? lower : nil
        highest = range.hints & VC_LADSPA_BOUNDED_ABOVE != 0 ? upper : nil
        value = Self.usual(range.hints, lower, upper)
    }

    private static func usual(_ hints: Int32, _ lower: Float, _ upper: Float) -> Float {
        let isLogarithmic = hints & VC_LADSPA_LOGARITHMIC != 0 && lower > 0 && upper > 0
        func between(_ part: Float) -> Float {
            let value =
                isLogarithmic
                ? powf(lower, 1 - part) * powf(upper, part) : lower * (1 - part) + upper * part
            return hints & VC_LADSPA_INTEGER != 0 ? value.rounded() : value
        }
        return switch hints & VC_LADSPA_DEFAULT_MASK {
        case VC_LADSPA_DEFAULT_MINIMUM: lower
        case VC_LADSPA_DEFAULT_LOW: between(0.25)
        case VC_LADSPA_DEFAULT_MIDDLE: between(0.5)
        case VC_LADSPA_DEFAULT_HIGH: between(0.75)
        case VC_LADSPA_DEFAULT_MAXIMUM: upper
        case VC_LADSPA_DEFAULT_1: 1
        case VC_LADSPA_DEFAULT_100: 100
        case VC_LADSPA_DEFAULT_440: 440
        // Zero, or none is said: then the nearest to zero that is allowed.
        default: nearestToZero(hints, lower, upper)
        }
    }
    private static func nearestToZero(_ hints: Int32, _ lower: Float, _ upper: Float) -> Float {
        if hints & VC_LADSPA_BOUNDED_BELOW != 0, lower > 0 { return lower }
        if hints & VC_LADSPA_BOUNDED_ABOVE != 0, upper < 0 { return upper }
        return 0
    }
}
