/// One question to one STUN server: what address does the world see? Asks at 0, 500, 1,500 and
/// 3,500 ms (RFC 8489 section 6.2.1: RTO 500 ms, doubled) and gives up at 7,500 ms. Only an answer
/// from that server to that question counts.
public struct BindingExchange: Sendable {
    /// How it stands.
    public enum State: Equatable, Sendable {
        /// No answer yet.
        case asking
        /// The answer.
        case answered(Endpoint)
        /// No answer came.
        case failed
    }

    /// Offsets from the start; the last one ends it.
    private static let schedule: [Duration] = [
        .zero, .milliseconds(500), .milliseconds(1_500), .milliseconds(3_500),
        .milliseconds(7_500),
    ]

    /// Who is asked.
    public let server: Endpoint
    public private(set) var state = State.asking
    private let transaction: STUNMessage.TransactionID
    private let start: Instant
    private var step = 0
    private var isDue = true

    public init(server: Endpoint, random: inout some RandomSource, now: Instant) {
        self.server = server
        transaction = STUNMessage.TransactionID(random: &random)
        start = now
    }

    /// Takes a datagram.
    ///
    /// - Returns: whether it was the answer to this question.
    public mutating func handle(_ datagram: RawSpan, from source: Endpoint) -> Bool {
        guard source == server, state == .asking else { return false }
        do throws(DecodeError) {
            let response = try STUNMessage.decodeResponse(datagram)
            guard response.transaction == transaction else { return false }
            state = .answered(response.observed)
            return true
        } catch {
            return false
        }
    }

    /// Lets time pass.
    public mutating func handleTimeout(now: Instant) {
        while state == .asking, start + Self.schedule[step + 1] <= now {
            step += 1
            if step == Self.schedule.count - 1 {
                state = .failed
            } else {
                isDue = true
            }
        }
    }

    /// Writes the next request, if one is due.
    ///
    /// - Returns: its size, or nil.
    public mutating func pollTransmit(into writer: inout ByteWriter) -> Int? {
        guard isDue, state == .asking else { return nil }
        isDue = false
        STUNMessage.writeRequest(transaction, into: &writer)
        return writer.overflowed ? nil : writer.count
    }

    /// When `handleTimeout` is next needed.
    public func pollTimeout() -> Instant? {
        state == .asking ? start + Self.schedule[step + 1] : nil
    }
}
