internal import Glibc
public import VCCore

/// Where `--signal-key` finds its key.
public enum SignalKeyFile {
    /// Why there is none.
    public enum Failure: Error, Equatable, Sendable {
        /// It cannot be opened or read, with errno.
        case unreadable(String, Int32)
        /// It holds something else.
        case noKey(String)
    }

    /// A key in hexadecimal digits and the white space around it.
    private static let maximumBytes = 256

    /// The key that `argument` is, or that the file of this name holds.
    public static func key(_ argument: String) throws(Failure) -> VerifyKey {
        if let key = VerifyKey(argument) { return key }
        let descriptor = unsafe open(argument, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw .unreadable(argument, errno) }
        defer { _ = close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: maximumBytes)
        let count = unsafe read(descriptor, &bytes, bytes.count)
        guard count >= 0 else { throw .unreadable(argument, errno) }
        let text = bytes[..<count].split { $0 <= 0x20 }
        guard text.count == 1, let word = text.first,
            let key = VerifyKey(String(decoding: word, as: UTF8.self))
        else { throw .noKey(argument) }
        return key
    }
}

extension SignalKeyFile.Failure: CustomStringConvertible {
    public var description: String {
        switch self {
        case .unreadable(let name, let code):
            "'\(name)' is no key of 64 hexadecimal digits, and as a file it cannot be read: "
                + (unsafe strerror(code).map { unsafe String(cString: $0) } ?? "error \(code)")
        case .noKey(let name):
            "the file '\(name)' does not hold a public key of vc-signal (64 hexadecimal digits); "
                + "it is the file whose name ends in .pub"
        }
    }
}
