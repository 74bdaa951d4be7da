internal import VCCore
internal import VCHelp
internal import VCNet

/// The command line of `vc-signal`.
public enum SignalCommandLine: Equatable, Sendable {
    /// Serve.
    case run(Options)
    /// Print `SignalHelp.text` and leave with 0.
    case help
    /// Print `SignalHelp.page` for man(1) and leave with 0.
    case manualPage
    /// Print the version and leave with 0.
    case version
    /// Say this sentence and leave with 64.
    case usageError(String)

    /// What was asked for, checked as far as that can be done without looking anything up.
    public struct Options: Equatable, Sendable {
        /// Nobody needs more than a few addresses with two ports each.
        static let maximumTCPAddresses = 15

        /// `[ADDR:]PORT`.
        public var listen = SignalCommandLine.defaultListen
        /// More of them, for TCP.
        public var listenTCP: [String] = []
        public var secondPort: UInt16?
        /// `HOST[:PORT]`.
        public var relays: [String] = []
        /// Where the signing key is; nil without relays.
        public var keyFile: String?
        public var hostTokenFile: String?
        public var isVerbose = false

        public init() {}
    }

    /// Port 4460.
    public static let defaultListen = "4460"

    public init(_ arguments: [String]) {
        var reader = Reader()
        var rest = arguments[...]
        while let argument = rest.popFirst() {
            if let outcome = reader.take(argument, &rest) {
                self = outcome
                return
            }
        }
        self = reader.finished
    }

    private struct Reader {
        var options = Options()

        /// Takes one option and its value.
        ///
        /// - Returns: what to do when nothing else matters any more.
        mutating func take(
            _ argument: String, _ rest: inout ArraySlice<String>
        ) -> SignalCommandLine? {
            let (name, attached) = SignalCommandLine.split(argument)
            switch name {
            case "--help", "-h": return .help
            case "--man": return .manualPage
            case "--version": return .version
            case "--verbose":
                guard attached == nil else { return .usageError("--verbose takes no value") }
                options.isVerbose = true
                return nil
            case "--listen", "--listen-tcp", "--second-port", "--relay", "--key", "--host-token":
                guard let value = attached ?? rest.popFirst(), !value.isEmpty else {
                    return .usageError("\(name) needs a value; see vc-signal --help")
                }
                return take(name, value)
            default:
                return .usageError(SignalHelp.page.sentence(about: argument))
            }
        }

        private mutating func take(_ name: String, _ value: String) -> SignalCommandLine? {
            switch name {
            case "--key": options.keyFile = value
            case "--host-token": options.hostTokenFile = value
            case "--relay": return takeRelay(value)
            case "--second-port":
                guard let port = UInt16(value), port > 0 else {
                    return .usageError("--second-port needs a port from 1 to 65535")
                }
                options.secondPort = port
            default: return takeListen(name, value)
            }
            return nil
        }

        private mutating func takeListen(_ name: String, _ value: String) -> SignalCommandLine? {
            guard (try? Resolver.listenEndpoint(value)) != nil else {
                return .usageError(
                    "\(name) needs [ADDR:]PORT, such as 4460, 192.0.2.1:4460 or [::1]:4460")
            }
            guard name == "--listen-tcp" else {
                options.listen = value
                return nil
            }
            guard options.listenTCP.count < Options.maximumTCPAddresses else {
                return .usageError(
                    "--listen-tcp: \(Options.maximumTCPAddresses) addresses at most")
            }
            options.listenTCP.append(value)
            return nil
        }

        private mutating func takeRelay(_ value: String) -> SignalCommandLine? {
            guard let parts = HostPort(value), parts.port != 0 else {
                return .usageError(
                    "--relay needs HOST[:PORT], such as relay.example.org or [2001:db8::1]:4461")
            }
            guard options.relays.count < RelayWatch.maximumNames else {
                return .usageError("--relay: \(RelayWatch.maximumNames) relays at most")
            }
            if !options.relays.contains(value) { options.relays.append(value) }
            return nil
        }

        var finished: SignalCommandLine {
            if let port = options.secondPort,
                (try? Resolver.listenEndpoint(options.listen))?.port == port
            {
                return .usageError("--second-port must differ from the port of --listen")
            }
            var options = options
            if !options.relays.isEmpty, options.keyFile == nil {
                options.keyFile = SigningKeyFile.usualPath
            }
            return .run(options)
        }
    }

    /// `--name=value` is `--name value`.
    private static func split(_ argument: String) -> (name: String, value: String?) {
        guard argument.hasPrefix("--"), let equals = argument.firstIndex(of: "=") else {
            return (argument, nil)
        }
        return (String(argument[..<equals]), String(argument[argument.index(after: equals)...]))
    }
}
