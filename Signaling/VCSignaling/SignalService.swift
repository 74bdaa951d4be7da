public import VCCore

/// The server's half of protocol 0xC0 and of STUN Binding: a machine without sockets and clocks.
/// `vc-signal` runs it, and so does `vc host` on the socket of its call.
///
/// It keeps nothing about an address that has not shown a valid cookie, answers no message with a
/// longer one, and forwards bodies that it cannot read between the host of a nameplate and those
/// who ask for it.
public struct SignalService: ~Copyable {
    /// The address of a `SignalClient` in the same process. It needs no socket: what it transmits
    /// goes to `handle` with this source, and what is transmitted to this address goes to it. No
    /// datagram from a network has it, and as an observed address it means nothing to others.
    public static let localClient = Endpoint(high: 0, low: 1, port: 0)

    /// Events that wait for `pollEvent`; later ones are dropped.
    private static let maximumEvents = 256

    let limits: SignalLimits
    /// What signs tickets; without it there are none.
    let signingKey: SigningKey?
    /// What a new room needs; without it everybody may open one.
    let hostToken: HostToken?
    var relayWatch = RelayWatch()
    /// The wall clock at the start of the time line, in Unix seconds.
    private var unixStart: UInt64 = 0
    /// The port of the second STUN socket, told to clients; 0 when there is none.
    public let secondPort: UInt16
    /// What was done so far.
    public internal(set) var counters = SignalCounters()
    var directory: NameplateDirectory
    var mailboxes: Mailboxes
    var statelessAnswers: TokenBucket
    var amplifyingAnswers: TokenBucket
    var amplifyingAnswersPerNetwork: TokenBuckets
    var messagesPerSource: TokenBuckets
    var newLeasesPerSource: TokenBuckets
    var newRuns: TokenBuckets
    var unknownNameplates: TokenBuckets
    var tuneLists: TokenBuckets
    let cookieHash: KeyedHash
    let tokenHash: KeyedHash
    let sourceHash: KeyedHash
    let sightHash: KeyedHash
    var mailboxesDrawn: UInt64 = 0
    var outbox = Outbox()
    private var events: [SignalServiceEvent] = []
    private var drainDeadline: Instant?
    /// The lease that was told last about the drain.
    private var drainCursor: Int?
    private var hasToldDrain = false

    /// - Parameters:
    ///   - secondPort: the port that `onSecondPort` datagrams come in on, 0 for none.
    ///   - signingKey: signs the tickets by which relays know members.
    ///   - hostToken: what those must know who open rooms.
    ///   - isRestart: whether there may be rooms of a service before this one, which come back.
    ///   - random: draws the keys of cookies and hashes.
    public init(
        limits: SignalLimits, secondPort: UInt16, signingKey: consuming SigningKey? = nil,
        hostToken: HostToken? = nil, isRestart: Bool = false, random: inout some RandomSource,
        now: Instant
    ) {
        self.limits = limits
        self.signingKey = signingKey
        self.hostToken = hostToken
        self.secondPort = secondPort
        directory = NameplateDirectory(
            limit: limits.leases, limitPerSource: limits.leasesPerSource,
            scatteredNameplates: limits.scatteredNameplates,
            scattersUntil: isRestart ? now + SignalLimits.returnTime : .zero)
        mailboxes = Mailboxes(
            limit: limits.mailboxes, limitPerLease: limits.mailboxesPerLease,
            rate: limits.packetsPerMailbox)
        statelessAnswers = TokenBucket(limits.statelessAnswers, now: now)
        amplifyingAnswers = TokenBucket(limits.amplifyingAnswers, now: now)
        let sources = limits.rememberedSources
        amplifyingAnswersPerNetwork = TokenBuckets(
            limits.amplifyingAnswersPerNetwork, sources: sources)
        messagesPerSource = TokenBuckets(limits.messagesPerSource, sources: sources)
        newLeasesPerSource = TokenBuckets(limits.newLeasesPerSource, sources: sources)
        newRuns = TokenBuckets(limits.newRunsPerSourceAndNameplate, sources: sources)
        unknownNameplates = TokenBuckets(limits.unknownNameplatesPerSource, sources: sources)
        tuneLists = TokenBuckets(limits.tuneListsPerSource, sources: sources)
        cookieHash = KeyedHash(random: &random)
        tokenHash = KeyedHash(random: &random)
        sourceHash = KeyedHash(random: &random)
        sightHash = KeyedHash(random: &random)
    }

    /// Nameplates whose hosts are heard.
    public var leaseCount: Int { directory.heldCount }
    /// Nameplates that memory is used for: held, lapsed or in quarantine.
    public var rememberedLeaseCount: Int { directory.count }
    /// Open runs.
    public var mailboxCount: Int { mailboxes.count }
    /// Whether `drain` was called.
    public var isDraining: Bool { drainDeadline != nil }

    /// Whether a host holds this nameplate, and was heard lately; not of a room of a phrase.
    public func holds(_ nameplate: UInt32) -> Bool {
        directory.lease(ofNameplate: nameplate).map { $0.bucket == nil } ?? false
    }

    /// Takes a datagram.
    ///
    /// - Parameter local: at which of the server's addresses it came in; answers leave from there.
    ///   Nil where there is only one.
    /// - Returns: whether it was a request of a protocol that is served here. Everything else only
    ///   counts, so that another user of the socket may look at it.
    public mutating func handle(
        _ datagram: RawSpan, from source: Endpoint, at local: Endpoint? = nil, onSecondPort: Bool,
        now: Instant
    ) -> Bool {
        counters.received += 1
        counters.receivedBytes += UInt64(datagram.byteCount)
        expire(now)
        if relayWatch.isAnswer(datagram), !onSecondPort {
            guard relayWatch.handle(datagram, from: source, now: now) else {
                counters.malformed += 1
                return false
            }
            tellRelayChanges(now)
            return true
        }
        if STUNMessage.isSTUN(datagram) {
            return handleBinding(
                datagram, from: source, at: local, onSecondPort: onSecondPort, now: now)
        }
        guard !onSecondPort else {
            counters.malformed += 1
            return false
        }
        do throws(DecodeError) {
            let (header, request) = try SignalRequest.decode(datagram)
            handle(
                request,
                Sender(endpoint: source, local: local, transaction: header.transaction),
                in: datagram, now: now)
            return true
        } catch {
            return handleUnreadable(datagram, error, from: source, at: local, now: now)
        }
    }

    /// Lets time pass.
    public mutating func handleTimeout(now: Instant) {
        expire(now)
        relayWatch.handleTimeout(now: now)
        tellRelayChanges(now)
    }

    /// Says what the wall clock shows: tickets end by it.
    public mutating func setWallClock(unixSeconds: UInt64, now: Instant) {
        unixStart = unixSeconds &- now.nanoseconds / 1_000_000_000
    }

    /// Watches these relays from now on, and tells rooms of those that answer. To be called again
    /// when their names have other addresses.
    public mutating func watch(
        _ relays: [NamedRelay], random: inout some RandomSource, now: Instant
    ) {
        relayWatch.watch(relays, random: &random, now: now)
    }

    /// The next datagram to send, from the main port or from the second one.
    public mutating func pollTransmit(into writer: inout ByteWriter) -> OutgoingDatagram? {
        if outbox.count == 0 { tellNextHostOfDrain() }
        if let transmit = outbox.pop(into: &writer) { return transmit }
        guard let relay = relayWatch.pollQuestion(into: &writer) else { return nil }
        return OutgoingDatagram(destination: relay, count: writer.count)
    }

    /// The next thing that happened.
    public mutating func pollEvent() -> SignalServiceEvent? {
        events.isEmpty ? nil : events.removeFirst()
    }

    /// When `handleTimeout` is next needed.
    public func pollTimeout() -> Instant? {
        var next = directory.deadline ?? .distantFuture
        next = min(next, mailboxes.deadline ?? .distantFuture)
        next = min(next, drainDeadline ?? .distantFuture)
        next = min(next, relayWatch.deadline ?? .distantFuture)
        return next == .distantFuture ? nil : next
    }

    /// Stops new rooms, tells the hosts, and goes on with everything else until `isDrained`.
    public mutating func drain(now: Instant) {
        guard drainDeadline == nil else { return }
        drainDeadline = now + SignalLimits.drainTime
    }

    /// Whether nobody would miss the service any more: no host is left, or each had the time to
    /// hear of it.
    public func isDrained(now: Instant) -> Bool {
        guard let drainDeadline else { return false }
        return directory.heldCount == 0 || drainDeadline <= now
    }

    // MARK: Parts

    /// Who sent a message and where it came in, and what its answer has to repeat.
    struct Sender: Equatable {
        let endpoint: Endpoint
        let local: Endpoint?
        let transaction: UInt64
    }

    mutating func tell(_ event: SignalServiceEvent) {
        if events.count < Self.maximumEvents { events.append(event) }
    }

    mutating func send(
        to destination: Endpoint, from local: Endpoint?, fromSecondPort: Bool = false,
        _ write: (inout ByteWriter) -> Void
    ) {
        guard
            let size = outbox.append(
                to: destination, from: local, fromSecondPort: fromSecondPort, write)
        else {
            counters.outboxOverflows += 1
            return
        }
        counters.transmitted += 1
        counters.transmittedBytes += UInt64(size)
    }

    mutating func answer(_ sender: Sender, _ write: (inout ByteWriter) -> Void) {
        send(to: sender.endpoint, from: sender.local, write)
    }

    mutating func notice(
        _ status: SignalAnswer.NoticeStatus, _ subject: UInt32, to sender: Sender
    ) {
        answer(sender) {
            SignalAnswer.writeNotice(
                transaction: sender.transaction, status: status, subject: subject, into: &$0)
        }
    }

    /// The wall clock, in Unix seconds.
    func unixSeconds(_ now: Instant) -> UInt64 {
        unixStart &+ now.nanoseconds / 1_000_000_000
    }

    private mutating func tellRelayChanges(_ now: Instant) {
        while let (name, standing) = relayWatch.pollChange(now: now) {
            tell(.relayChanged(name: name, standing))
        }
    }

    private mutating func expire(_ now: Instant) {
        mailboxes.expire(now: now)
        while let nameplate = directory.expire(now: now) {
            counters.leasesLapsed += 1
            tell(.leaseLapsed(nameplate: nameplate))
        }
    }

    private mutating func tellNextHostOfDrain() {
        guard drainDeadline != nil, !hasToldDrain else { return }
        guard let next = directory.heldLease(after: drainCursor) else {
            hasToldDrain = true
            return
        }
        drainCursor = next.slot
        notice(
            .draining, next.lease.nameplate,
            to: Sender(
                endpoint: next.lease.host, local: next.lease.local,
                transaction: next.lease.transaction))
    }

    /// A message that cannot be read: one of another version is told so, if it is no answer itself.
    private mutating func handleUnreadable(
        _ datagram: RawSpan, _ error: DecodeError, from source: Endpoint, at local: Endpoint?,
        now: Instant
    ) -> Bool {
        guard error == .unsupportedVersion else {
            counters.malformed += 1
            return false
        }
        counters.unsupportedVersion += 1
        var reader = ByteReader(datagram)
        do throws(DecodeError) {
            let header = try SignalHeader(from: &reader)
            guard header.isRequest, datagram.byteCount >= SignalFormat.minimumRequest,
                statelessAnswers.take(limits.statelessAnswers, now: now)
            else { return header.isRequest }
            notice(
                .unsupportedVersion, UInt32(protocolVersion),
                to: Sender(endpoint: source, local: local, transaction: header.transaction))
            return true
        } catch {
            return false
        }
    }

    /// Without state: the answer goes where the question came from, and is not longer unless the
    /// limits for that allow it.
    private mutating func handleBinding(
        _ datagram: RawSpan, from source: Endpoint, at local: Endpoint?, onSecondPort: Bool,
        now: Instant
    ) -> Bool {
        let transaction: STUNMessage.TransactionID
        do throws(DecodeError) {
            transaction = try STUNMessage.decodeRequest(datagram)
        } catch {
            counters.malformed += 1
            return false
        }
        guard mayAnswerBinding(size: datagram.byteCount, from: source, now: now) else {
            counters.rateLimited += 1
            return true
        }
        counters.bindings += 1
        send(to: source, from: local, fromSecondPort: onSecondPort) {
            STUNMessage.writeResponse(transaction, observed: source, into: &$0)
        }
        return true
    }

    private mutating func mayAnswerBinding(
        size: Int, from source: Endpoint, now: Instant
    ) -> Bool {
        if size >= STUNMessage.paddedRequestSize {
            return statelessAnswers.take(limits.statelessAnswers, now: now)
        }
        let network = hash(of: SourcePrefix(network: source), purpose: .network)
        return amplifyingAnswersPerNetwork.take(network, now: now)
            && amplifyingAnswers.take(limits.amplifyingAnswers, now: now)
    }

    /// What a keyed hash of a source is for; hashes for different purposes have nothing in common.
    enum Purpose: UInt64 {
        case network = 1
        case messages = 2
        case leases = 3
        case runs = 4
        case tag = 5
        case mailbox = 6
        case unknownNameplates = 7
        case tuneLists = 8
        case tuneOrder = 9
    }

    func hash(of prefix: SourcePrefix, purpose: Purpose, nameplate: UInt32 = 0) -> UInt64 {
        sourceHash.hash(prefix.high, prefix.low, purpose.rawValue, UInt64(nameplate)).high
    }
}
