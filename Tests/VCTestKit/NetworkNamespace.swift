internal import CNetworkNamespace
internal import Glibc

/// A network namespace that lives as long as a test does. Needs root; `Tools/test` runs these tests
/// where it is root.
public enum NetworkNamespace {
    /// What a program said that ended with an error.
    public struct CommandFailed: Error {
        public let command: String
        public let status: Int32
    }

    /// Whether this process may make one.
    public static let isPermitted = vc_in_network_namespace({ _ in }, nil) == 0

    /// Runs `body` on a thread of its own in a namespace of its own whose loopback interface is up.
    public static func run(_ body: @escaping () throws -> Void) throws {
        let call = Call(body)
        let code = vc_in_network_namespace(
            { context in
                guard let context else { return }
                let call = Unmanaged<Call>.fromOpaque(context).takeUnretainedValue()
                call.result = Result {
                    try NetworkNamespace.ip("link set lo up")
                    try call.body()
                }
            }, Unmanaged.passUnretained(call).toOpaque())
        if code != 0 { throw CommandFailed(command: "unshare", status: code) }
        try call.result?.get()
    }

    /// Runs `ip` with these arguments, in the namespace of the calling thread.
    public static func ip(_ arguments: String) throws {
        let words = ["ip"] + arguments.split(separator: " ").map(String.init)
        var pointers = words.map { strdup($0) } + [nil]
        defer { pointers.forEach { free($0) } }
        var child = pid_t()
        let code = posix_spawnp(&child, "ip", nil, nil, &pointers, environ)
        guard code == 0 else { throw CommandFailed(command: "ip", status: code) }
        var status: Int32 = 0
        waitpid(child, &status, 0)
        if status != 0 { throw CommandFailed(command: "ip \(arguments)", status: status) }
    }

    private final class Call {
        let body: () throws -> Void
        var result: Result<Void, any Error>?

        init(_ body: @escaping () throws -> Void) {
            self.body = body
        }
    }
}
