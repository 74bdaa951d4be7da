import Glibc
import VCCore
import VCNet
import VCTestKit

/// A table with a poller of its own, as a shell would drive it.
final class StreamRig {
    static let loopback4 = Endpoint(ipv4: 0x7F00_0001, port: 0)
    static let loopback6 = Endpoint(high: 0, low: 1, port: 0)
    private static let base: UInt64 = 100

    var table: StreamTable
    var poller: Poller
    var received: [(bytes: [UInt8], source: Endpoint)] = []
    var events: [StreamEvent] = []
    /// Answers each datagram with the same bytes, and keeps none.
    var echoes = false

    init(_ limits: StreamLimits) throws {
        table = StreamTable(
            tokens: Self.base..<(Self.base + UInt64(limits.total) + 4), limits: limits)
        poller = try Poller()
    }

    func listen(at local: Endpoint = loopback4) throws -> Endpoint {
        try table.listen(at: local, poller: poller)
    }

    @discardableResult
    func send(_ bytes: [UInt8], to remote: Endpoint) -> Bool {
        table.send(bytes.span.bytes, to: remote, poller: poller, now: MonotonicClock.now)
    }

    /// One turn of the loop, `milliseconds` long at most.
    func turn(_ milliseconds: Int = 0) throws {
        let ready = try poller.wait(until: MonotonicClock.now + .milliseconds(milliseconds))
        let now = MonotonicClock.now
        var index = 0
        while index < ready {
            let readiness = poller.readiness(index)
            index += 1
            guard table.owns(readiness.token) else { continue }
            table.handle(readiness, poller: poller, now: now)
            while let datagram = table.nextDatagram(now: now) {
                if echoes {
                    let bytes = RawSpan(_unsafeBytes: UnsafeRawBufferPointer(datagram.bytes))
                    table.send(bytes, to: datagram.source, poller: poller, now: now)
                } else {
                    received.append((Array(datagram.bytes), datagram.source))
                }
            }
        }
        while let event = table.pollEvent() { events.append(event) }
    }
}

/// Turns both until `condition` holds; false after `testPatience`.
func run(
    _ first: StreamRig, _ second: StreamRig,
    until condition: (StreamRig, StreamRig) -> Bool
) throws -> Bool {
    let deadline = MonotonicClock.now + testPatience
    while !condition(first, second) {
        guard MonotonicClock.now < deadline else { return false }
        try first.turn(1)
        try second.turn(1)
    }
    return true
}

/// A blocking TCP socket that writes what no table of ours would.
final class RawStream {
    let descriptor: CInt

    /// Connects to a port of 127.0.0.1.
    init?(port: UInt16, receiveBufferBytes: CInt? = nil) {
        descriptor = socket(AF_INET, CInt(SOCK_STREAM.rawValue), 0)
        if var bytes = receiveBufferBytes {
            setsockopt(
                descriptor, SOL_SOCKET, SO_RCVBUF, &bytes, socklen_t(MemoryLayout<CInt>.size))
        }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let connected = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        if connected != 0 { return nil }
    }

    func write(_ bytes: [UInt8]) {
        _ = send(descriptor, bytes, bytes.count, CInt(MSG_NOSIGNAL))
    }

    /// Nil at the end of the stream or after an error, and empty when nothing waits.
    func read() -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: 65_536)
        let count = recv(descriptor, &bytes, bytes.count, CInt(MSG_DONTWAIT))
        if count > 0 { return Array(bytes[..<count]) }
        return count < 0 && errno == EAGAIN ? [] : nil
    }

    deinit {
        close(descriptor)
    }
}
