internal import Glibc
internal import Synchronization

/// Standard output or error, unbuffered: a line is written when it happens. Where nobody reads, it
/// waits until somebody does, or until a signal that is held back is to end the program: from then
/// on it is waited for no more.
public struct StandardStream: Sendable {
    /// A pipe that can be written to takes so much without a wait (PIPE_BUF, pipe(7)).
    private static let piece = 4_096
    /// How often it is looked for signals meanwhile.
    private static let lookMilliseconds: CInt = 100
    private static let isGivenUp = Atomic<Bool>(false)

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
                guard waitForReader() else { return false }
                let rest = unsafe UnsafeRawBufferPointer(
                    rebasing: buffer[written..<min(buffer.count, written + Self.piece)])
                let count = unsafe Glibc.write(descriptor, rest.baseAddress, rest.count)
                if count >= 0 {
                    written += count
                } else if errno != EINTR, errno != EAGAIN {
                    return false
                }
            }
            return true
        }
    }

    /// False when the program is to end instead.
    private func waitForReader() -> Bool {
        var watched = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        while unsafe poll(&watched, 1, 0) == 0 {
            if Self.isGivenUp.load(ordering: .relaxed) { return false }
            guard unsafe poll(&watched, 1, Self.lookMilliseconds) == 0 else { return true }
            if TerminationSignals.isAnyPending {
                Self.isGivenUp.store(true, ordering: .relaxed)
            }
        }
        return true
    }
}
