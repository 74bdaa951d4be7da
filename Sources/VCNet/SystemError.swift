internal import Glibc

/// A system call that failed for a reason that lies outside of this program.
public struct SystemError: Error, Equatable, Sendable {
    /// The value of errno.
    public let code: CInt
    /// The call that failed, as in its manual page.
    public let call: String

    public init(code: CInt, call: String) {
        self.code = code
        self.call = call
    }
}

extension SystemError: CustomStringConvertible {
    /// For people: `bind: Address already in use`.
    public var description: String {
        guard let text = unsafe strerror(code) else { return "\(call): error \(code)" }
        return unsafe "\(call): \(String(cString: text))"
    }
}

/// The one place that knows what to do with errno: EINTR is tried again, would-block is nil, an
/// errno that only a bug of ours can cause stops the program, everything else is thrown.
///
/// - Returns: what the call returned, or nil when it would have blocked.
@inline(__always)
package func attempt<Result: FixedWidthInteger & SignedInteger>(
    _ call: StaticString, _ body: () -> Result
) throws(SystemError) -> Result? {
    while true {
        let result = body()
        if result >= 0 { return result }
        let code = errno
        switch code {
        case EINTR:
            continue
        case EAGAIN:
            return nil
        default:
            precondition(!isOurBug(code), "\(call) with a bad descriptor or pointer")
            throw SystemError(code: code, call: "\(call)")
        }
    }
}

/// Descriptors that are closed or of the wrong kind, and pointers outside of our memory: going on
/// would write to somebody else's file.
private func isOurBug(_ code: CInt) -> Bool {
    code == EBADF || code == EFAULT || code == ENOTSOCK
}

/// Owns a file descriptor and closes it once.
package struct FileDescriptor: ~Copyable {
    package let number: CInt

    package init(_ number: CInt) {
        self.number = number
    }

    deinit {
        // EINTR too: Linux has released the number then (close(2)).
        _ = close(number)
    }
}
