internal import Glibc
internal import VCCore
internal import VCNet

/// Gets the token of a signaling server from where it stands, as bytes that are wiped.
enum SignalTokenInput {
    static func read(
        _ source: SignalTokenSource, in arena: SecretArena
    ) throws(CallFailure) -> HostToken {
        switch source {
        case .file(let path):
            let line = try firstLine(of: path, in: arena)
            if line.isReadableByOthers {
                StandardStream.diagnostics.write(
                    line: "vc: warning: others on this machine can read \(path); "
                        + "`chmod 600` prevents that")
            }
            guard let token = HostToken(line.bytes.span, in: arena) else {
                throw CallFailure(.unreadableFile, "\(path): \(expectation) in the first line")
            }
            return token
        case .environment:
            guard let token = typed(in: arena, { SecretInput.environment(.signalToken, into: &$0) })
            else { throw CallFailure(.usage, "$VC_SIGNAL_TOKEN: \(expectation)") }
            return token
        case .configuration(let place):
            guard let token = typed(in: arena, { place.read(into: &$0) }) else {
                throw CallFailure(
                    .configuration, "\(place.path):\(place.line): \(expectation)")
            }
            return token
        }
    }

    private static var expectation: String {
        "a token has \(HostToken.sizes.lowerBound) to \(HostToken.sizes.upperBound) bytes"
    }

    private static func firstLine(
        of path: String, in arena: SecretArena
    ) throws(CallFailure) -> SecretLine {
        do throws(SecretFileError) {
            return try SecretFile.firstLine(
                of: path, limit: HostToken.sizes.upperBound, in: arena)
        } catch {
            throw CallFailure(.unreadableFile, "\(error)")
        }
    }

    /// A token that `read` puts into memory that is wiped.
    private static func typed(
        in arena: SecretArena, _ read: (inout [UInt8]) -> Int
    ) -> HostToken? {
        // One byte more, to see that it is too long.
        var bytes = [UInt8](repeating: 0, count: HostToken.sizes.upperBound + 1)
        defer {
            unsafe bytes.withUnsafeMutableBytes { unsafe explicit_bzero($0.baseAddress!, $0.count) }
        }
        let count = read(&bytes)
        return unsafe HostToken(bytes.span.bytes.extracting(0..<count), in: arena)
    }
}
