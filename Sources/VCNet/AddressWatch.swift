internal import CVCLinux
internal import Glibc

/// Tells that this machine's addresses, interfaces or routes may have changed (rtnetlink(7)). One
/// change of network brings many messages: whoever watches waits a moment, then looks.
public struct AddressWatch: ~Copyable {
    private let descriptor: FileDescriptor

    public init() throws(SystemError) {
        let number = try attempt("socket") { vc_open_route_watch() } ?? -1
        descriptor = FileDescriptor(number)
    }

    /// The number for an event loop to watch for reading.
    public var descriptorNumber: CInt { descriptor.number }

    /// Takes note of everything that was told so far. What the messages say is not read: that they
    /// came is enough, and anything may have been lost before.
    ///
    /// - Returns: whether there was anything.
    public func acknowledge() -> Bool {
        var found = false
        var byte: UInt8 = 0
        while true {
            // One byte of each message; the kernel drops the rest of it.
            let count = unsafe recv(descriptor.number, &byte, 1, CInt(MSG_DONTWAIT))
            if count >= 0 {
                found = true
            } else if errno == ENOBUFS {
                // Messages were lost: something has changed.
                found = true
            } else if errno != EINTR {
                return found
            }
        }
    }
}
