internal import VCCore
internal import VCNet

/// The command line of `vc-signal`.
public enum SignalCommandLine: Equatable, Sendable {
    /// Serve. `listen` is `[ADDR:]PORT`, checked.
    case run(listen: String, secondPort: UInt16?, isVerbose: Bool)
    /// Print `helpText` and leave with 0.
    case help
    /// Print the version and leave with 0.
    case version
    /// Say this sentence and leave with 64.
    case usageError(String)

    /// UDP 4460.
    public static let defaultListen = "4460"

    public static let helpText = """
        usage: vc-signal [options]

        Introduces the members of vc rooms to each other. It sees who talks to whom when a room is
        joined; it cannot read what is said, and keeps nothing.

          --listen [ADDR:]PORT   local UDP address and port (default: 4460 on all addresses)
          --second-port PORT     second port for STUN (default: 3478, or another that is free)
          --verbose              log rooms and addresses too
          --help                 print this
          --version              print the version

        SIGTERM and SIGINT stop new rooms, tell the hosts, and end the server within 3 seconds; a
        second signal ends it at once.

        Exit status: 0 stopped normally, 64 usage, 69 a port cannot be used.
        """

    public init(_ arguments: [String]) {
        var options = Options()
        var rest = arguments[...]
        while let argument = rest.popFirst() {
            if let outcome = options.take(argument, &rest) {
                self = outcome
                return
            }
        }
        self = options.finished
    }

    private struct Options {
        var listen = SignalCommandLine.defaultListen
        var secondPort: UInt16?
        var isVerbose = false

        /// Takes one option and its value.
        ///
        /// - Returns: what to do when nothing else matters any more.
        mutating func take(
            _ argument: String, _ rest: inout ArraySlice<String>
        ) -> SignalCommandLine? {
            let (name, attached) = SignalCommandLine.split(argument)
            switch name {
            case "--help", "-h": return .help
            case "--version": return .version
            case "--verbose":
                guard attached == nil else { return .usageError("--verbose takes no value") }
                isVerbose = true
            case "--listen":
                guard let value = attached ?? rest.popFirst(), SignalCommandLine.isListen(value)
                else {
                    return .usageError(
                        "--listen needs [ADDR:]PORT, such as 4460, 192.0.2.1:4460 or [::1]:4460")
                }
                listen = value
            case "--second-port":
                guard let value = attached ?? rest.popFirst(), let port = UInt16(value), port > 0
                else { return .usageError("--second-port needs a port from 1 to 65535") }
                secondPort = port
            case "--relay", "--key", "--host-token":
                return .usageError(
                    "\(name) is not supported by this version of vc-signal: "
                        + "relays and host tokens are not there yet"
                )
            default:
                return .usageError("unknown argument '\(argument)'; see vc-signal --help")
            }
            return nil
        }

        var finished: SignalCommandLine {
            if let secondPort, (try? Resolver.listenEndpoint(listen))?.port == secondPort {
                return .usageError("--second-port must differ from the port of --listen")
            }
            return .run(listen: listen, secondPort: secondPort, isVerbose: isVerbose)
        }
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
