internal import VCCore

/// Which addresses of a signaling server answer, by UDP and by TCP, and how fast: HELLO at 0, 500
/// and 1,500 ms, all at once; what has not answered after 3 s does not.
struct ServerProbe: DoctorProbe {
    /// One address by one transport.
    struct Way: Equatable {
        let server: Endpoint
        /// Nil while it has not answered.
        var roundTrip: Duration?
        /// Our address as the server sees it.
        var observed: Endpoint?
        /// Where the server's second STUN port is.
        var secondPort: UInt16 = 0
        /// No connection can be made.
        fileprivate var isRefused = false
        fileprivate var sent: [UInt64: Instant] = [:]
    }

    static let duration = Duration.seconds(3)
    private static let schedule: [Duration] = [.zero, .milliseconds(500), .milliseconds(1_500)]

    private(set) var ways: [Way]
    private let start: Instant
    private var transaction: UInt64
    private var step = 0
    /// Ways that HELLO is to be sent on.
    private var due: [Int]

    /// - Parameter servers: UDP; TCP is tried at the same addresses and ports.
    init(servers: [Endpoint], random: inout some RandomSource, now: Instant) {
        ways = servers.flatMap { [Way(server: $0), Way(server: $0.over(.tcp))] }
        due = Array(ways.indices)
        transaction = random.next()
        start = now
    }

    var isDone: Bool { ways.allSatisfy { $0.roundTrip != nil || $0.isRefused } }

    var timeout: Instant? {
        step + 1 < Self.schedule.count ? start + Self.schedule[step + 1] : nil
    }

    mutating func handle(_ datagram: RawSpan, from source: Endpoint, now: Instant) {
        guard let index = ways.firstIndex(where: { $0.server == source }),
            ways[index].roundTrip == nil
        else { return }
        do throws(DecodeError) {
            let (header, answer) = try SignalAnswer.decode(datagram)
            guard let sent = ways[index].sent[header.transaction],
                case .cookie(_, let observed, let secondPort) = answer
            else { return }
            ways[index].roundTrip = now - sent
            ways[index].observed = observed
            ways[index].secondPort = secondPort
        } catch {
            // Not what was asked for: as if nothing had come.
        }
    }

    mutating func handleClosed(_ endpoint: Endpoint) {
        guard let index = ways.firstIndex(where: { $0.server == endpoint }) else { return }
        ways[index].isRefused = true
    }

    mutating func handleTimeout(now: Instant) {
        while let next = timeout, next <= now {
            step += 1
            due = ways.indices.filter { ways[$0].roundTrip == nil && !ways[$0].isRefused }
        }
    }

    mutating func pollTransmit(
        into writer: inout ByteWriter, now: Instant
    ) -> (destination: Endpoint, size: Int)? {
        guard let index = due.popLast() else { return nil }
        transaction &+= 1
        ways[index].sent[transaction] = now
        SignalRequest.writeHello(transaction: transaction, into: &writer)
        return (ways[index].server, writer.count)
    }
}
