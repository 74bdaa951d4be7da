internal import Glibc

/// Standard output or error, unbuffered: a line is written when it happens.
public struct StandardStream: Sendable {
    public let descriptor: Int32

    /// A descriptor that stays the caller's.
    public init(descriptor: Int32) {
        self.descriptor = descriptor
    }

    public static let output = StandardStream(descriptor: STDOUT_FILENO)
    public static let diagnostics = StandardStream(descriptor: STDERR_FILENO)

    /// Whether a person sees it.
    public var isTerminal: Bool { isatty(descriptor) == 1 }

    /// Writes `text` and a line end; false when nobody reads any more.
    @discardableResult
    public func write(line text: String) -> Bool {
        write(text + "\n")
    }

    /// Writes `text`; false when nobody reads any more.
    @discardableResult
    public func write(_ text: String) -> Bool {
        var text = text
        return text.withUTF8 { unsafe write(UnsafeRawBufferPointer($0).bytes) }
    }

    /// Writes all of `bytes`; false when nobody reads any more (EPIPE; SIGPIPE is ignored).
    @discardableResult
    public func write(_ bytes: RawSpan) -> Bool {
        unsafe bytes.withUnsafeBytes { buffer in
            var written = 0
            while written < buffer.count {
                let rest = unsafe UnsafeRawBufferPointer(rebasing: buffer[written...])
                let count = unsafe Glibc.write(descriptor, rest.baseAddress, rest.count)
                if count >= 0 {
                    written += count
                } else if errno == EAGAIN {
                    // A terminal shared with a program that made it non-blocking.
                    var descriptor = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                    _ = unsafe poll(&descriptor, 1, -1)
                } else if errno != EINTR {
                    return false
                }
            }
            return true
        }
    }
}
