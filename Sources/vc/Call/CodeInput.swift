internal import Glibc
internal import VCCore
internal import VCNet

/// Gets the room code from where it stands, as bytes that are wiped.
enum CodeInput {
    /// Reads and parses the code. Where it stood on the command line it is overwritten, so that
    /// `ps` shows it no longer than it must.
    ///
    /// - Parameter rewrites: whether the line in which it is typed may be drawn anew at each key.
    static func read(
        _ source: CodeSource, rewrites: Bool, in arena: SecretArena
    ) throws(CallFailure) -> RoomCode {
        var bytes = [UInt8](repeating: 0, count: RoomCode.longestInput + 1)
        defer {
            unsafe bytes.withUnsafeMutableBytes { unsafe explicit_bzero($0.baseAddress!, $0.count) }
        }
        let count =
            switch source {
            case .arguments(let places): SecretInput.arguments(places, into: &bytes)
            case .environment: SecretInput.environment(.code, into: &bytes)
            case .configuration(let place): place.read(into: &bytes)
            case .terminal:
                (rewrites ? CodePrompt.read(into: &bytes) : nil)
                    ?? SecretInput.terminal(CodePrompt.question, into: &bytes)
            }
        do throws(RoomCodeError) {
            return unsafe try RoomCode(parsing: bytes.span.bytes.extracting(0..<count), in: arena)
        } catch {
            throw CallFailure(.usage, sentence(of: error))
        }
    }

    private static func sentence(of error: RoomCodeError) -> String {
        // Names at most one word of the list, which the person did not type.
        withWipedText(capacity: RoomCodeError.longestText) { writer in
            error.write(into: &writer)
        } use: { bytes in
            unsafe bytes.withUnsafeBytes { unsafe String(decoding: $0, as: UTF8.self) }
        }
    }
}
