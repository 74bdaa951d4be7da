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
            guard let token = HostToken(line.bytes.span, in: arena) else {
                throw CallFailure(.unreadableFile, "\(path): \(expectation) in the first line")
            }
            return token
        case .environment:
            guard let token = fromEnvironment(in: arena) else {
                throw CallFailure(.usage, "$VC_SIGNAL_TOKEN: \(expectation)")
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

    /// Overwritten there, so that no child process and no look into this one shows it.
    private static func fromEnvironment(in arena: SecretArena) -> HostToken? {
        guard let value = unsafe getenv("VC_SIGNAL_TOKEN") else { return nil }
        let length = unsafe strlen(value)
        let bytes = unsafe UnsafeRawBufferPointer(start: value, count: length)
        defer { unsafe explicit_bzero(value, length) }
        return unsafe HostToken(bytes.bytes, in: arena)
    }
}
