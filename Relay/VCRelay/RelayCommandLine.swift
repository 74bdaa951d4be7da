internal import VCHelp
internal import VCNet

/// The command line of `vc-relay`.
public enum RelayCommandLine: Equatable, Sendable {
    /// What to run; addresses are checked as far as that goes without a name server.
    public struct Options: Equatable, Sendable {
        /// `[ADDR:]PORT`, one at least.
        public var listen: [String] = []
        public var listenTCP: String?
        /// Each a key or the name of a file that holds one; one at least.
        public var signalKeys: [String] = []
        /// `HOST[:PORT]`.
        public var advertise: [String] = []
        public var maximumMegabits: UInt64?
        public var isVerbose = false
    }

    /// Serve.
    case run(Options)
    /// Print `RelayHelp.text` and leave with 0.
    case help
    /// Print `RelayHelp.page` for man(1) and leave with 0.
    case manualPage
    /// Print the version and leave with 0.
    case version
    /// Say this sentence and leave with 64.
    case usageError(String)

    /// UDP 4461.
    public static let defaultListen = "4461"
    /// More would be a mistake: each is a thread.
    public static let maximumListens = 64
    /// Keys that may be given while servers change theirs.
    public static let maximumKeys = 8
    /// 1 Tbit/s.
    private static let maximumMegabits: UInt64 = 1_000_000

    public init(_ arguments: [String]) {
        var options = Options()
        var rest = arguments[...]
        while let argument = rest.popFirst() {
            if let outcome = Self.take(argument, &rest, into: &options) {
                self = outcome
                return
            }
        }
        if options.listen.isEmpty { options.listen = [Self.defaultListen] }
        self = Self.check(options) ?? .run(options)
    }

    /// Takes one option and its value.
    ///
    /// - Returns: what to do when nothing else matters any more.
    private static func take(
        _ argument: String, _ rest: inout ArraySlice<String>, into options: inout Options
    ) -> RelayCommandLine? {
        let (name, attached) = split(argument)
        switch name {
        case "--help", "-h": return .help
        case "--man": return .manualPage
        case "--version": return .version
        case "--verbose":
            guard attached == nil else { return .usageError("--verbose takes no value") }
            options.isVerbose = true
            return nil
        case "--listen", "--listen-tcp", "--signal-key", "--advertise", "--max-mbit":
            guard let value = attached ?? rest.popFirst(), !value.isEmpty else {
                return .usageError("\(name) needs \(shape(name))")
            }
            return set(name, value, in: &options)
        default:
            return .usageError(RelayHelp.page.sentence(about: argument))
        }
    }

    private static func set(
        _ name: String, _ value: String, in options: inout Options
    ) -> RelayCommandLine? {
        switch name {
        case "--listen" where isListen(value): options.listen.append(value)
        case "--listen-tcp" where isListen(value):
            guard options.listenTCP == nil else {
                return .usageError("--listen-tcp can be given once")
            }
            options.listenTCP = value
        case "--signal-key": options.signalKeys.append(value)
        case "--advertise" where HostPort(value) != nil: options.advertise.append(value)
        case "--max-mbit":
            guard let number = UInt64(value), number > 0, number <= maximumMegabits else {
                return .usageError("--max-mbit needs \(shape(name))")
            }
            options.maximumMegabits = number
        default: return .usageError("\(name) needs \(shape(name)), not '\(value)'")
        }
        return nil
    }

    private static func shape(_ name: String) -> String {
        switch name {
        case "--signal-key": "a key of 64 hexadecimal digits or the file that holds it"
        case "--advertise": "HOST[:PORT], such as relay.example.org or 192.0.2.1:4461"
        case "--max-mbit": "a whole number of Mbit/s from 1 to \(maximumMegabits)"
        default: "[ADDR:]PORT, such as 4461, 192.0.2.1:4461 or [::1]:4461"
        }
    }

    private static func check(_ options: Options) -> RelayCommandLine? {
        guard !options.signalKeys.isEmpty else {
            return .usageError(
                "--signal-key is missing: the relay serves those whom a signaling server sends, "
                    + "and knows them by its key (vc-signal writes it into the file that ends in "
                    + ".pub)")
        }
        guard options.signalKeys.count <= maximumKeys else {
            return .usageError("--signal-key can be given \(maximumKeys) times")
        }
        guard options.listen.count <= maximumListens else {
            return .usageError("--listen can be given \(maximumListens) times")
        }
        guard Set(options.listen).count == options.listen.count else {
            return .usageError("--listen was given twice with the same address and port")
        }
        return nil
    }

    /// `--name=value` is `--name value`.
    private static func split(_ argument: String) -> (name: String, value: String?) {
        guard argument.hasPrefix("--"), let equals = argument.firstIndex(of: "=") else {
            return (argument, nil)
        }
        return (String(argument[..<equals]), String(argument[argument.index(after: equals)...]))
    }

    private static func isListen(_ value: String) -> Bool {
        (try? Resolver.listenEndpoint(value)) != nil
    }
}
