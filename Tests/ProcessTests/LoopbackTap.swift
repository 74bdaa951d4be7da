import Foundation
import Synchronization

/// Everything that goes over loopback, as root hears it.
final class LoopbackTap: Sendable {
    /// ETH_P_ALL of Linux.
    private static let everyProtocol: UInt16 = 3

    private let heard = Mutex<[UInt8]>([])
    private let isOver = Atomic(false)

    init() throws {
        let tap = socket(
            AF_PACKET, Int32(SOCK_RAW.rawValue), Int32(Self.everyProtocol.bigEndian))
        if tap < 0 { throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .EPERM) }
        var patience = timeval(tv_sec: 0, tv_usec: 100_000)
        setsockopt(
            tap, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
        var room: Int32 = 8 << 20
        setsockopt(tap, SOL_SOCKET, SO_RCVBUFFORCE, &room, socklen_t(MemoryLayout<Int32>.size))
        Thread.detachNewThread { [self] in
            var packet = [UInt8](repeating: 0, count: 65_536)
            while !isOver.load(ordering: .relaxed) {
                let count = recv(tap, &packet, packet.count, 0)
                if count > 0 { heard.withLock { $0 += packet[..<count] } }
            }
            close(tap)
        }
    }

    /// What was heard; nothing more is.
    func stop() -> [UInt8] {
        isOver.store(true, ordering: .relaxed)
        return heard.withLock { $0 }
    }
}
