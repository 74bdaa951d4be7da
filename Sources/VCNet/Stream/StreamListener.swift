internal import CVCLinux
internal import Glibc
internal import VCCore

/// A TCP socket that accepts connections of both IP families.
final class StreamListener {
    /// Where it listens.
    let localEndpoint: Endpoint
    private let socket: InternetSocket
    /// Given up for a moment when the process has no descriptor left: otherwise a connection that
    /// cannot be accepted would wake the loop without end.
    private var spare: CInt

    init(at local: Endpoint) throws(SocketError) {
        let opened = try InternetSocket(.stream, bindingTo: local)
        do throws(SystemError) {
            let number = opened.descriptor.number
            _ = try attempt("listen") { listen(number, SOMAXCONN) }
        } catch {
            // Two sockets may be bound to one port with SO_REUSEADDR; only one may listen.
            if error.code == EADDRINUSE { throw .portInUse(local.port) }
            throw .system(error)
        }
        localEndpoint = opened.localEndpoint.over(.tcp)
        socket = opened
        spare = Self.openSpare()
    }

    var descriptorNumber: CInt { socket.descriptor.number }

    /// What `accept` found.
    enum Accepted: ~Copyable {
        case connection(FileDescriptor, Endpoint)
        /// A connection that broke before it was accepted, or that there was no descriptor for.
        case lost
        case nothing
    }

    /// The next connection that waits.
    func accept() -> Accepted {
        var storage = sockaddr_storage()
        var size = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let number = unsafe withUnsafeMutablePointer(to: &storage) {
            unsafe $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe vc_accept(descriptorNumber, $0, &size)
            }
        }
        guard number >= 0 else { return failure(errno) }
        let descriptor = FileDescriptor(number)
        let source = unsafe withUnsafePointer(to: &storage) {
            unsafe $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { unsafe Endpoint($0) }
        }
        guard let source else { return .lost }
        return .connection(descriptor, source.over(.tcp))
    }

    private func failure(_ code: CInt) -> Accepted {
        switch code {
        case EAGAIN: return .nothing
        case EMFILE, ENFILE: return shed()
        case ENOBUFS, ENOMEM: return .nothing
        // Errors of the connection itself (accept(2)): the next one may be well.
        default: return .lost
        }
    }

    /// Closes the connection that cannot be kept.
    private func shed() -> Accepted {
        guard spare >= 0 else {
            spare = Self.openSpare()
            return .nothing
        }
        _ = close(spare)
        let number = vc_accept(descriptorNumber, nil, nil)
        if number >= 0 { _ = close(number) }
        spare = Self.openSpare()
        return number >= 0 ? .lost : .nothing
    }

    private static func openSpare() -> CInt {
        eventfd(0, CInt(EFD_CLOEXEC))
    }

    deinit {
        if spare >= 0 { _ = close(spare) }
    }
}
