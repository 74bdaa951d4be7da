import VCCore
import VCTestKit

// The sockets that a member opens beside its main one.
extension World {
    /// The port of a member's socket.
    static func port(of socket: UInt8) -> UInt16 {
        socket == 0 ? memberPort : 41_000 + UInt16(socket)
    }

    /// The socket that listens on a port.
    static func socket(of port: UInt16) -> UInt8 {
        (41_001...41_255).contains(port) ? UInt8(port - 41_000) : 0
    }

    /// Opens and closes sockets as the machine of a node wants it, as its shell would.
    mutating func matchSockets(of node: Node) {
        let needed = node.machine.socketsNeeded
        guard needed != node.sockets else { return }
        for socket in 1...255 as ClosedRange<UInt8>
        where needed.contains(socket) != node.sockets.contains(socket) {
            if needed.contains(socket) {
                network.open(World.port(of: socket), at: node.host)
            } else {
                network.close(World.port(of: socket), at: node.host)
            }
        }
        node.sockets = needed
        node.largestSocketCount = max(
            node.largestSocketCount, (1...255).count { needed.contains(UInt8($0)) })
    }
}
