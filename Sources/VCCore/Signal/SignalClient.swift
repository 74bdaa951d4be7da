/// The client's half of protocol 0xC0, for hosts and joiners.
///
///     host    greeting ──COOKIE──▶ claiming ──LEASE──▶ holding ──release()──▶ releasing ──▶ closed
///                ▲                  │    ▲                │
///                ├── 5 s silent ────┘    └─ KEPT unknown ─┤
///                └── 5 s silent, back to holding ◀────────┘
///     joiner  greeting ──COOKIE──▶ open    greeting ──5 s silent──▶ closed ──newRun()──▶ greeting
///
/// All servers are asked at once, the first one to answer is kept. What has no answer for 2 s is
/// asked over TCP too; who is served over TCP tries UDP each 10 s, and goes back when it answers.
/// Time that goes backwards does nothing.
public struct SignalClient: ~Copyable {
    enum Phase: Equatable {
        /// HELLO is on its way to all servers.
        case greeting
        /// Host: there is a cookie, CLAIM is on its way.
        case claiming
        /// Host: the nameplate is ours, KEEPALIVE every 2 s.
        case holding
        /// Host: RELEASE is on its way.
        case releasing
        /// Joiner: there is a cookie.
        case open
        /// Nothing is sent any more.
        case closed
    }

    struct Letter {
        let mailbox: UInt32
        let grant: SignalRequest.Grant?
        let body: [UInt8]
        /// When it was posted.
        let time: Instant
    }

    /// More servers than this are not asked.
    public static let maximumServers = 8
    /// Bodies that wait for a cookie; the oldest goes first. The door answers its 32 runs at once
    /// at most, beside the packets of who has no path yet.
    static let maximumLetters = 48
    /// Events that wait for `pollEvent`; later ones are dropped, their senders repeat them.
    static let maximumEvents = 64

    let routes: SignalRoutes
    /// Whether this is the host's client.
    public let isHost: Bool
    /// A joiner has none.
    let token: SecretBytes?
    /// Host: what the server may want to see before it opens a room.
    let hostToken: HostToken?
    /// Joiner: its key at relays.
    let relayKey: VerifyKey
    let roomID: Block16
    var phase = Phase.greeting
    var transaction: UInt64
    var run: UInt64
    /// The joiner's goal; the host's lease, or what it would like to have. 0: no wish.
    var nameplate: UInt32
    /// Whether the server has granted `nameplate`, as far as we know.
    var hasLease = false
    /// The way to the server that answered first.
    var route: Int?
    var cookie: Block16?
    /// What was told last of the server, and of us as it sees us.
    var told: (server: Endpoint, observed: Endpoint?)?
    var secondPort: UInt16 = 0
    var timers: SignalTimers
    var relayInquiry = RelayInquiry()
    var ticketRequests = TicketRequests()
    var sights = SightQuestions()
    var bucketInquiry = BucketInquiry()
    /// Host of a tuned room: the bucket of its lease.
    let bucket: UInt16?
    /// One bit per way that is due a HELLO.
    var helloDue: UInt32 = 0
    /// Whether the phase's own message is due: CLAIM, KEEPALIVE or RELEASE.
    var controlDue = false
    var letters: [Letter] = []
    /// The letter that was sent last, in case the server says that its cookie does not hold.
    var lastLetter: Letter?
    var isUnreachable = false
    /// The refusal that was told last, so that each is told once.
    var lastRefusal: SignalEvent?
    var events: [SignalEvent] = []

    /// A host that claims a nameplate for its room.
    ///
    /// - Parameters:
    ///   - servers: where vc-signal may be; up to 8.
    ///   - claimToken: 32 secret bytes; who has them has the lease. Copied, wiped at the end.
    ///   - wantedNameplate: an own one of before, or 0 for any.
    ///   - bucket: of a phrase, for a lease that is found by it.
    ///   - hostToken: what servers ask for that do not open rooms for everybody.
    public init(
        servers: [Endpoint], hosting roomID: Block16, claimToken: RawSpan, arena: SecretArena,
        wantedNameplate: UInt32 = 0, bucket: UInt16? = nil, hostToken: HostToken? = nil,
        random: inout some RandomSource, now: Instant
    ) {
        routes = SignalRoutes(Array(servers.prefix(Self.maximumServers)))
        self.roomID = roomID
        isHost = true
        token = SecretBytes(copying: claimToken, in: arena)
        self.hostToken = hostToken
        self.bucket = bucket
        relayKey = .none
        nameplate = wantedNameplate
        transaction = random.next()
        run = 0
        timers = SignalTimers(now: now)
        helloDue = routes.allUDP
    }

    /// A joiner that wants to talk to the host of `nameplate`, or only to the server: 0.
    ///
    /// - Parameter relayKey: the public half of its key at relays: the ticket that the host grants
    ///   is made for it.
    public init(
        servers: [Endpoint], joining nameplate: UInt32, relayKey: VerifyKey = .none,
        random: inout some RandomSource, now: Instant
    ) {
        routes = SignalRoutes(Array(servers.prefix(Self.maximumServers)))
        roomID = .zero
        isHost = false
        token = nil
        hostToken = nil
        bucket = nil
        self.relayKey = relayKey
        self.nameplate = nameplate
        transaction = random.next()
        run = random.next()
        timers = SignalTimers(now: now)
        helloDue = routes.allUDP
    }

    /// Whether nothing will be sent any more.
    public var isClosed: Bool { phase == .closed }

    /// Sends a body: of a joiner to the host, of a host to the joiner behind `mailbox`. It is sent
    /// once; the join repeats what got lost. Before there is a cookie it is kept.
    ///
    /// - Parameter grant: makes the joiner behind `mailbox` this member at relays: the server adds
    ///   a ticket for it.
    public mutating func post(
        _ body: RawSpan, mailbox: UInt32 = 0, grant: SignalRequest.Grant? = nil, now: Instant
    ) {
        precondition(body.byteCount <= SignalFormat.maximumBody, "the body is too long")
        guard phase != .releasing, phase != .closed else { return }
        if phase == .open, timers.cookieIsOld(now) { greet(now) }
        let bytes = unsafe body.withUnsafeBytes { unsafe Array($0) }
        let letter = Letter(mailbox: mailbox, grant: grant, body: bytes, time: now)
        // The join repeats itself while there is no cookie yet: one copy is enough.
        let isWaiting = letters.contains {
            $0.mailbox == mailbox && $0.grant == grant && $0.body == letter.body
        }
        if isWaiting { return }
        if letters.count == Self.maximumLetters { letters.removeFirst() }
        letters.append(letter)
    }

    /// Host: asks for the relay ticket of a member, until the server gives it. Asking again for the
    /// same member replaces what was asked before.
    ///
    /// - Parameter key: the public half of the member's key at relays.
    public mutating func requestTicket(
        _ grant: SignalRequest.Grant, key: VerifyKey, now: Instant
    ) {
        guard isHost, phase != .releasing, phase != .closed else { return }
        ticketRequests.add(grant, key: key, now: now)
    }

    /// Starts a new join attempt: what was posted for the last one is dropped, and answers to it
    /// are not for us any more.
    public mutating func newRun(random: inout some RandomSource, now: Instant) {
        guard !isHost else { return }
        run = random.next()
        transaction = random.next()
        letters.removeAll(keepingCapacity: true)
        lastLetter = nil
        lastRefusal = nil
        if phase == .closed { greet(now) }
    }

    /// Gives the nameplate back. `.released` follows, at the latest 800 ms later.
    public mutating func release(now: Instant) {
        guard phase != .releasing, phase != .closed else { return }
        letters.removeAll()
        guard isHost, cookie != nil else {
            close()
            return
        }
        phase = .releasing
        helloDue = 0
        controlDue = true
        timers.startRelease(now)
    }

    /// The next thing that happened.
    public mutating func pollEvent() -> SignalEvent? {
        events.isEmpty ? nil : events.removeFirst()
    }

    /// When `handleTimeout` is next needed.
    public func pollTimeout() -> Instant? {
        switch phase {
        case .greeting: isUnreachable ? timers.next : min(timers.next, timers.silence)
        case .claiming: min(timers.next, timers.silence, timers.udpTry)
        case .holding:
            min(
                min(timers.next, timers.silence, timers.udpTry),
                min(
                    min(relayInquiry.next, bucketInquiry.next),
                    min(ticketRequests.next, sights.next)))
        case .releasing: timers.next
        case .open:
            [timers.udpTry, relayInquiry.next, sights.next, bucketInquiry.next].min().flatMap {
                $0 == .distantFuture ? nil : $0
            }
        case .closed: nil
        }
    }

    /// Lets time pass.
    public mutating func handleTimeout(now: Instant) {
        switch phase {
        case .greeting:
            if timers.silence <= now, !isUnreachable { becomeUnreachable(now) }
            if phase == .greeting, timers.fires(now) {
                helloDue = timers.isSuspect(now) ? routes.all : routes.allUDP
            }
        case .claiming:
            if timers.silence <= now {
                becomeUnreachable(now)
            } else if timers.fires(now) {
                controlDue = true
                suspectUDP(now)
            }
            tryUDP(now)
        case .holding:
            if timers.silence <= now {
                becomeUnreachable(now)
            } else if timers.keepaliveFires(now) {
                controlDue = true
                if timers.cookieIsOld(now) { helloDue |= routeBit }
                suspectUDP(now)
            }
            tryUDP(now)
            relayInquiry.handleTimeout(now: now)
            ticketRequests.handleTimeout(now: now)
            sights.handleTimeout(now: now)
            bucketInquiry.handleTimeout(now: now)
        case .releasing:
            if timers.releaseIsOver(now) {
                close()
            } else if timers.fires(now) {
                controlDue = true
            }
        case .open:
            tryUDP(now)
            relayInquiry.handleTimeout(now: now)
            sights.handleTimeout(now: now)
            bucketInquiry.handleTimeout(now: now)
            // Its questions need a cookie that holds; a post sees to that by itself.
            let asks = relayInquiry.isDue || sights.isDue || bucketInquiry.isDue
            if asks, timers.cookieIsOld(now) { helloDue |= routeBit }
        case .closed:
            break
        }
    }

    // MARK: Ways

    /// The server that is talked to.
    var server: Endpoint? { route.flatMap { routes[$0] } }

    private var routeBit: UInt32 { route.map { 1 << UInt32($0) } ?? 0 }

    /// The server is asked over TCP too once it has been silent for a while.
    private mutating func suspectUDP(_ now: Instant) {
        guard let route, !routes.isTCP(route), timers.isSuspect(now) else { return }
        helloDue |= routes.bits(ofServer: route, over: .tcp)
    }

    /// While TCP serves, UDP is asked now and then.
    private mutating func tryUDP(_ now: Instant) {
        guard let route, timers.udpTryFires(now) else { return }
        helloDue |= routes.bits(ofServer: route, over: .udp)
    }

    // MARK: Transitions

    mutating func greet(_ now: Instant) {
        phase = .greeting
        route = nil
        cookie = nil
        controlDue = false
        helloDue = routes.allUDP
        isUnreachable = false
        relayInquiry.stop()
        timers.answered(now)
        timers.serves(overTCP: false, now)
        timers.start(now)
    }

    mutating func becomeUnreachable(_ now: Instant) {
        let wasUnreachable = isUnreachable
        if !isHost {
            phase = .closed
            helloDue = 0
        } else if phase != .greeting {
            greet(now)
        }
        isUnreachable = true
        if !wasUnreachable { tell(.unreachable) }
    }

    mutating func close() {
        phase = .closed
        helloDue = 0
        controlDue = false
        hasLease = false
        tell(.released)
    }

    mutating func tell(_ event: SignalEvent) {
        if events.count < Self.maximumEvents { events.append(event) }
    }
}
