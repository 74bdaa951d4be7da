import Glibc
import Synchronization

/// A socket of a pretended router, on a thread that serves it until it is closed.
final class LoopbackSocket: Sendable {
    let descriptor: Int32
    private let isClosed = Atomic(false)

    /// - Parameter address: in host order.
    init?(stream: Bool, address: UInt32, port: UInt16) {
        let kind = stream ? SOCK_STREAM : SOCK_DGRAM
        descriptor = socket(AF_INET, CInt(kind.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0)
        var one: Int32 = 1
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &one, 4)
        // So that the thread sees soon that it is not needed any more.
        var patience = timeval(tv_sec: 0, tv_usec: 20_000)
        setsockopt(
            descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience,
            socklen_t(MemoryLayout<timeval>.size))
        var local = sockaddr_in()
        local.sin_family = sa_family_t(AF_INET)
        local.sin_port = port.bigEndian
        local.sin_addr.s_addr = address.bigEndian
        let bound = withUnsafePointer(to: &local) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard bound == 0, !stream || listen(descriptor, 8) == 0 else {
            Glibc.close(descriptor)
            return nil
        }
    }

    deinit {
        Glibc.close(descriptor)
    }

    var isOpen: Bool { !isClosed.load(ordering: .relaxed) }

    func close() {
        isClosed.store(true, ordering: .relaxed)
    }

    /// Answers datagrams by what `body` makes of them.
    func serveDatagrams(_ body: @escaping @Sendable ([UInt8]) -> [UInt8]?) {
        onThread {
            while self.isOpen {
                var bytes = [UInt8](repeating: 0, count: 2_048)
                var source = sockaddr_in()
                var size = socklen_t(MemoryLayout<sockaddr_in>.size)
                let count = withUnsafeMutablePointer(to: &source) {
                    $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                        recvfrom(self.descriptor, &bytes, bytes.count, 0, $0, &size)
                    }
                }
                guard count > 0, let answer = body(Array(bytes[..<count])) else { continue }
                _ = withUnsafePointer(to: &source) {
                    $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                        sendto(self.descriptor, answer, answer.count, 0, $0, size)
                    }
                }
            }
        }
    }

    /// Answers HTTP requests, one per connection, by what `body` makes of head and body.
    func serveHTTP(_ body: @escaping @Sendable (String) -> String) {
        onThread {
            while self.isOpen {
                let connection = accept(self.descriptor, nil, nil)
                guard connection >= 0 else { continue }
                let answer = Array(body(Self.request(from: connection)).utf8)
                _ = send(connection, answer, answer.count, CInt(MSG_NOSIGNAL))
                Glibc.close(connection)
            }
        }
    }

    private static func request(from connection: Int32) -> String {
        var bytes: [UInt8] = []
        while true {
            var piece = [UInt8](repeating: 0, count: 4_096)
            let count = recv(connection, &piece, piece.count, 0)
            guard count > 0 else { break }
            bytes += piece[..<count]
            let text = String(decoding: bytes, as: UTF8.self)
            guard let head = text.firstRange(of: "\r\n\r\n") else { continue }
            let length = text[..<head.lowerBound].split(separator: "\r\n")
                .first { $0.lowercased().hasPrefix("content-length:") }
                .flatMap { Int($0.dropFirst("content-length:".count).filter(\.isNumber)) }
            if text[head.upperBound...].utf8.count >= length ?? 0 { break }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// A thread is in the network namespace of the one that starts it.
    private func onThread(_ body: @escaping () -> Void) {
        final class Box {
            let body: () -> Void
            init(_ body: @escaping () -> Void) { self.body = body }
        }
        var thread = pthread_t()
        pthread_create(
            &thread, nil,
            { context in
                guard let context else { return nil }
                Unmanaged<Box>.fromOpaque(context).takeRetainedValue().body()
                return nil
            }, Unmanaged.passRetained(Box(body)).toOpaque())
        pthread_detach(thread)
    }
}
