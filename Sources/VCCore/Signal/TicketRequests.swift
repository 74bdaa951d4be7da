/// The tickets that a host waits for, one per member, asked for again until they come.
struct TicketRequests {
    private struct Request {
        let grant: SignalRequest.Grant
        let key: VerifyKey
        var next: Instant
        var attempt = 0
        var isDue = false
    }

    /// Without an answer.
    private static let retries: [Duration] = [.milliseconds(250), .milliseconds(500), .seconds(1)]
    private static let lastRetry = Duration.seconds(2)

    /// At most one per member number, in the order of asking.
    private var requests: [Request] = []

    /// When `handleTimeout` has something to do.
    var next: Instant { requests.reduce(.distantFuture) { min($0, $1.next) } }

    /// Asks at once; a request of before for this member is forgotten.
    mutating func add(_ grant: SignalRequest.Grant, key: VerifyKey, now: Instant) {
        requests.removeAll { $0.grant.member == grant.member }
        requests.append(Request(grant: grant, key: key, next: now))
        handleTimeout(now: now)
    }

    mutating func handleTimeout(now: Instant) {
        for index in requests.indices where requests[index].next <= now {
            let attempt = requests[index].attempt
            let wait = attempt < Self.retries.count ? Self.retries[attempt] : Self.lastRetry
            requests[index].isDue = true
            requests[index].attempt += 1
            requests[index].next = now + wait
        }
    }

    /// The next one to send, once.
    mutating func take() -> (grant: SignalRequest.Grant, key: VerifyKey)? {
        guard let index = requests.firstIndex(where: \.isDue) else { return nil }
        requests[index].isDue = false
        return (requests[index].grant, requests[index].key)
    }

    /// - Returns: whether this ticket was asked for; it is not waited for any more.
    mutating func answered(_ ticket: Ticket) -> Bool {
        let index = requests.firstIndex {
            $0.grant == SignalRequest.Grant(member: ticket.member, generation: ticket.generation)
                && $0.key == ticket.memberKey
        }
        guard let index else { return false }
        requests.remove(at: index)
        return true
    }

    /// There will be none for this member.
    mutating func refused(member: UInt8) {
        requests.removeAll { $0.grant.member == member }
    }
}
