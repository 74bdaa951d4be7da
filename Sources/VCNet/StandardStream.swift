internal import Glibc

/// Standard output and standard error, a line at a time and unbuffered: a line is whole, or it is
/// not there.
public enum StandardStream: Sendable {
    case output
    case error

    /// Writes `line` and a newline. A reader that is gone is no reason to stop.
    public func write(line: String) {
        var bytes = Array(line.utf8)
        bytes.append(UInt8(ascii: "\n"))
        let descriptor = self == .output ? STDOUT_FILENO : STDERR_FILENO
        var written = 0
        while written < bytes.count {
            let result = unsafe bytes.withUnsafeBytes { buffer in
                unsafe Glibc.write(
                    descriptor, buffer.baseAddress.map { unsafe $0 + written },
                    buffer.count - written)
            }
            if result < 0, errno == EINTR { continue }
            guard result > 0 else { return }
            written += result
        }
    }
}
