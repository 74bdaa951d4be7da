/// A room outlives its host, and so the client changes its role: a member becomes the host's client
/// when it has the claim token, and a host that was displaced asks for the new one like a joiner.
extension SignalClient {
    /// Claims the lease of a room that we are to be the host of. `.leased` follows once nobody else
    /// holds it with this token, `.leaseHeld` while somebody does.
    ///
    /// - Parameters:
    ///   - claimToken: the 32 bytes that the host before us had.
    ///   - nameplate: what the room was found by; another one may be given.
    public mutating func succeed(
        hosting roomID: Block16, claimToken: consuming SecretBytes, nameplate: UInt32,
        random: inout some RandomSource, now: Instant
    ) {
        precondition(
            claimToken.count == SignalFormat.claimTokenSize, "a claim token has 32 bytes")
        forgetRole(random: &random)
        isHost = true
        self.roomID = roomID
        self.nameplate = nameplate
        token = consume claimToken
        takeUpRole(now)
    }

    /// Asks for the host of a nameplate from now on. A lease that we have is neither kept nor given
    /// back: `yield` before that leaves it to the next host.
    public mutating func join(
        _ nameplate: UInt32, relayKey: VerifyKey, random: inout some RandomSource, now: Instant
    ) {
        forgetRole(random: &random)
        isHost = false
        self.nameplate = nameplate
        self.relayKey = relayKey
        run = random.next()
        takeUpRole(now)
    }

    /// Leaves the lease to whoever claims it with our token. `.released` follows, at the latest
    /// 800 ms later.
    public mutating func yield(now: Instant) {
        guard phase != .releasing, phase != .closed else { return }
        isYielding = true
        release(now: now)
    }

    /// Puts another token in the place of the claim token, because somebody knows the old one who
    /// should not any more. `.tokenRotated` follows when the server has it.
    public mutating func rotateToken(to newToken: consuming SecretBytes, now: Instant) {
        precondition(newToken.count == SignalFormat.claimTokenSize, "a claim token has 32 bytes")
        guard isHost else { return }
        rotation.begin(newToken, now: now)
    }

    /// The claim token as a successor needs it: the one that is to be, if it is being changed.
    public func copyClaimToken() -> SecretBytes? {
        if let next = rotation.copyToken() { return next }
        switch token {
        case .some(let token): return token.duplicate()
        case .none: return nil
        }
    }

    // MARK: Parts

    private mutating func forgetRole(random: inout some RandomSource) {
        transaction = random.next()
        letters.removeAll(keepingCapacity: true)
        lastLetter = nil
        lastRefusal = nil
        hasLease = false
        isYielding = false
        token = nil
        rotation = TokenRotation()
        ticketRequests = TicketRequests()
    }

    /// Goes on where a cookie is known; else the servers are asked.
    private mutating func takeUpRole(_ now: Instant) {
        let knowsServer = phase != .greeting && phase != .closed && phase != .releasing
        if knowsServer, cookie != nil, !timers.cookieIsOld(now) {
            timers.answered(now)
            enterAfterGreeting(now)
        } else {
            greet(now)
        }
    }

    /// Somebody else is host: nothing is sent any more until the room says what we are now.
    mutating func becomeDisplaced() {
        guard isHost, phase == .holding || phase == .claiming || phase == .releasing else {
            return
        }
        let wasReleasing = phase == .releasing
        phase = .closed
        helloDue = 0
        controlDue = false
        hasLease = false
        letters.removeAll()
        tell(wasReleasing ? .released : .displaced(nameplate: nameplate))
    }

    func writeRotation(_ cookie: Block16, into writer: inout ByteWriter) -> Bool {
        switch token {
        case .some(let token):
            rotation.write(
                transaction: transaction, cookie: cookie, token: token.span, into: &writer)
        case .none: false
        }
    }

    mutating func handleRotated(_ status: SignalAnswer.RotatedStatus, now: Instant) {
        guard isHost, rotation.isOpen else { return }
        timers.answered(now)
        let newToken = rotation.finish()
        switch status {
        case .rotated:
            token = consume newToken
            tell(.tokenRotated(true))
        case .unknown:
            // A lease that is claimed anew is claimed with the new token.
            token = consume newToken
            tell(.tokenRotated(false))
            if phase == .holding { claim(now) }
        }
    }
}

/// A claim token on its way to the server, asked again until the server has it.
struct TokenRotation: ~Copyable {
    private static let interval = Duration.milliseconds(500)

    private var token: SecretBytes?
    private(set) var next = Instant.distantFuture
    private(set) var isDue = false

    init() {}

    /// Whether an answer is waited for.
    var isOpen: Bool {
        switch token {
        case .some: true
        case .none: false
        }
    }

    mutating func begin(_ token: consuming SecretBytes, now: Instant) {
        self.token = consume token
        next = now + Self.interval
        isDue = true
    }

    mutating func handleTimeout(now: Instant) {
        guard isOpen, next <= now else { return }
        isDue = true
        next = now + Self.interval
    }

    mutating func sent() { isDue = false }

    func write(
        transaction: UInt64, cookie: Block16, token old: RawSpan, into writer: inout ByteWriter
    ) -> Bool {
        switch token {
        case .some(let token):
            SignalRequest.writeRotate(
                transaction: transaction, cookie: cookie, token: old, newToken: token.span,
                into: &writer)
            return true
        case .none: return false
        }
    }

    func copyToken() -> SecretBytes? {
        switch token {
        case .some(let token): token.duplicate()
        case .none: nil
        }
    }

    mutating func finish() -> SecretBytes? {
        next = .distantFuture
        isDue = false
        return token.take()
    }
}
