internal import CVCLinux
internal import Glibc

/// Where a running call can be reached by programs of the same user, and by nobody else: a socket
/// in a folder of $XDG_RUNTIME_DIR that only the user may enter, with rights of its own; and
/// whoever connects must run as the user (SO_PEERCRED).
final class ControlSocket {
    /// So many programs may wait for their answer.
    private static let mostClients = 8

    private let path: String
    private let listener: CInt
    private let watch: CInt
    private var clients: [CInt] = []

    /// Nil where there is no folder for it: the call goes on without.
    init?(_ folder: ControlFolder?) {
        guard let folder else { return nil }
        path = folder.socketPath(of: getpid())
        // Nobody sees it before it listens: it would be taken for left over. Either may be, from a
        // process that had our number.
        let hidden = folder.hiddenPath(of: getpid())
        unsafe unlink(hidden)
        listener = unsafe vc_local_listen(hidden)
        guard listener >= 0 else { return nil }
        guard unsafe rename(hidden, path) == 0 else {
            close(listener)
            unsafe unlink(hidden)
            return nil
        }
        watch = epoll_create1(CInt(EPOLL_CLOEXEC))
        guard watch >= 0, add(listener) else {
            close(listener)
            unsafe unlink(path)
            return nil
        }
    }

    deinit {
        for client in clients { close(client) }
        close(watch)
        close(listener)
        unsafe unlink(path)
    }

    /// Readable when `serve` has something to do.
    var descriptor: CInt { watch }

    /// Answers everybody who has asked.
    func serve(_ answer: (ControlMessage) -> ControlAnswer) {
        while case let client = vc_local_accept(listener), client >= 0 {
            guard vc_local_is_own(client) == 1 else {
                close(client)
                continue
            }
            // Who has waited longest without asking anything gives way.
            if clients.count == Self.mostClients { close(clients.removeFirst()) }
            if add(client) { clients.append(client) } else { close(client) }
        }
        clients.removeAll { client in
            guard hear(client, answer) else { return false }
            close(client)
            return true
        }
    }

    /// Answers a client; false while nothing has come from it.
    private func hear(_ client: CInt, _ answer: (ControlMessage) -> ControlAnswer) -> Bool {
        // Who has gone was told that nobody answers: then nothing may come of it.
        guard !hasHungUp(client) else { return true }
        var buffer = [UInt8](repeating: 0, count: ControlMessage.longest + 1)
        let count = unsafe read(client, &buffer, buffer.count)
        if count < 0, errno == EAGAIN || errno == EINTR { return false }
        guard count > 0 else { return true }
        let message = ControlMessage(buffer[..<count])
        let said =
            message.map(answer) ?? ControlAnswer(isDone: false, "this is no request of this vc")
        let bytes = said.bytes
        // One who does not wait for the answer has no use for it.
        _ = unsafe vc_local_send(client, bytes, bytes.count)
        return true
    }

    private func hasHungUp(_ client: CInt) -> Bool {
        var watched = pollfd(fd: client, events: 0, revents: 0)
        return unsafe poll(&watched, 1, 0) > 0
    }

    private func add(_ descriptor: CInt) -> Bool {
        var event = unsafe epoll_event()
        unsafe event.events = EPOLLIN.rawValue
        return unsafe epoll_ctl(watch, EPOLL_CTL_ADD, descriptor, &event) == 0
    }
}
