/// One search for a room in the local network: what is asked and when, and who has answered.
///
/// ```
///   asked at 0, 100, 300, 700 ms ──nobody, 1.2 s──▶ over
///      └─ answers, in order ─▶ hosts ──nextHost()──▶ tried, one after the other
/// ```
///
/// Each host that is tried gets one guess at the words of the code, so only the first few count.
struct DiscoverySearch {
    /// Multicast over a radio is sent once, and slept through by some; the search is short all the
    /// same for who is there.
    static let schedule: [Duration] = [
        .zero, .milliseconds(100), .milliseconds(300), .milliseconds(700),
    ]
    /// Nobody answers for this long: nobody is there.
    static let patience = Duration.milliseconds(1_200)
    /// A host is tried so long after its first answer, when its other addresses are known, too.
    static let settling = Duration.milliseconds(50)
    /// Addresses of one host that are tried at once.
    static let maximumAddresses = 4

    private struct Host {
        let identifier: UInt64
        let heard: Instant
        var addresses: [Endpoint]
    }

    let nameplate: UInt32
    private let transaction: UInt64
    private let begin: Instant
    /// How many hosts may be tried.
    private let limit: Int
    private var asked = 0
    private var hosts: [Host] = []
    private var tried = 0

    /// - Parameter limit: hosts that are tried at most; who answers after that is not listened to.
    init(
        nameplate: UInt32, limit: Int, random: inout some RandomSource, now: Instant
    ) {
        self.nameplate = nameplate
        self.limit = limit
        transaction = random.next()
        begin = now
    }

    // MARK: Asking

    /// The question, if it is due.
    mutating func pollQuery(now: Instant) -> DiscoveryQuery? {
        guard asked < Self.schedule.count, now >= begin + Self.schedule[asked] else { return nil }
        // After a sleep: once, not for each time that was missed.
        while asked < Self.schedule.count, now >= begin + Self.schedule[asked] { asked += 1 }
        return DiscoveryQuery(
            transaction: transaction, nameplate: nameplate, known: hosts.map(\.identifier))
    }

    /// Takes an answer; false when it is none to this question, or says nothing new.
    mutating func handle(_ datagram: RawSpan, from source: Endpoint, now: Instant) -> Bool {
        guard let answer = try? DiscoveryAnswer(datagram), answer.transaction == transaction,
            now < end
        else { return false }
        // Whoever stands at an address is one, whatever it calls itself.
        guard !hosts.contains(where: { $0.addresses.contains(source) }) else { return false }
        if let index = hosts.firstIndex(where: { $0.identifier == answer.host }) {
            guard index >= tried, hosts[index].addresses.count < Self.maximumAddresses else {
                return false
            }
            hosts[index].addresses.append(source)
            return true
        }
        guard hosts.count < limit else { return false }
        hosts.append(Host(identifier: answer.host, heard: now, addresses: [source]))
        return true
    }

    // MARK: Trying

    /// Where the next host is reached, once it is time for it. Each host is given once.
    mutating func nextHost(now: Instant) -> [Endpoint]? {
        guard tried < hosts.count, now >= hosts[tried].heard + Self.settling else { return nil }
        tried += 1
        let addresses = hosts[tried - 1].addresses
        // On the same machine: its other addresses mean more to others.
        let outside = addresses.filter { !$0.isLoopback }
        return outside.isEmpty ? addresses : outside
    }

    /// Whether no other host will come.
    func isOver(now: Instant) -> Bool { tried == hosts.count && (tried == limit || now >= end) }

    /// Nobody is listened to any more.
    private var end: Instant { begin + Self.patience }

    /// When something is due next.
    ///
    /// - Parameter isTrying: whether a host is being tried, so that none other is due.
    func timeout(isTrying: Bool) -> Instant {
        let query = asked < Self.schedule.count ? begin + Self.schedule[asked] : .distantFuture
        guard !isTrying else { return query }
        return min(query, tried < hosts.count ? hosts[tried].heard + Self.settling : end)
    }
}
