import Glibc
import Synchronization
import VCCore

/// A router that speaks NAT-PMP (RFC 6886 section 3), on an address of the loopback network.
final class NATPMPRouter: Sendable {
    struct Behaviour: Sendable {
        var externalAddress: UInt32 = 0xCB00_7109
        /// The most seconds that are granted.
        var lifetime: UInt32 = 7_200
        /// The port that is granted instead of the one that is wished for.
        var otherPort: UInt16?
        /// The result code of every answer; 0 is success.
        var result: UInt16 = 0
    }

    struct Request: Equatable, Sendable {
        let port: UInt16
        let seconds: UInt32
    }

    let address: UInt32
    private let socket: LoopbackSocket
    private let behaviour: Mutex<Behaviour>
    private let log = Mutex<[Request]>([])

    init?(address: UInt32, _ behaviour: Behaviour = Behaviour()) {
        guard let socket = LoopbackSocket(stream: false, address: address, port: 5_351) else {
            return nil
        }
        self.address = address
        self.socket = socket
        self.behaviour = Mutex(behaviour)
        socket.serveDatagrams { [weak self] in self?.answer($0) }
    }

    deinit {
        socket.close()
    }

    /// The mappings that were asked for.
    var requests: [Request] { log.withLock { $0 } }

    func change(_ body: (inout Behaviour) -> Void) {
        behaviour.withLock { body(&$0) }
    }

    private func answer(_ request: [UInt8]) -> [UInt8]? {
        let behaviour = behaviour.withLock { $0 }
        guard request.count >= 2, request[0] == 0 else { return nil }
        return [UInt8](capacity: 16) { writer in
            writer.write(0 as UInt8)
            writer.write(128 + request[1])
            writer.write(behaviour.result)
            writer.write(99 as UInt32)
            if request[1] == 0 {
                writer.write(behaviour.externalAddress)
            } else {
                let port = UInt16(request[4]) << 8 | UInt16(request[5])
                let wished = UInt16(request[6]) << 8 | UInt16(request[7])
                let seconds = request[8..<12].reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
                log.withLock { $0.append(Request(port: port, seconds: seconds)) }
                writer.write(port)
                writer.write(seconds == 0 ? 0 : behaviour.otherPort ?? wished)
                writer.write(min(seconds, behaviour.lifetime))
            }
        }
    }
}
