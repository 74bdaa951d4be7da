/// The joiner's side of the join: proves to the host that it knows the words, and learns whether
/// the host does.
///
/// ```
///   opening --H1--> proving --H2--> joined
///      |               |--HX------> failed(refused)
///      |               |--3 s-----> opening again with fresh values, at most three times
///      +--HX, 10 s-----+----------> failed
/// ```
///
/// One H1 is accepted for each Ya: a false host gets one guess for each attempt, and no more.
struct JoinerMachine: ~Copyable {
    /// J1 and J2 are sent again, with the same bytes, after 250 ms, then each half second. The same
    /// bytes cost no guess, and where a fifth is lost on each of four legs one in 70,000 joins
    /// fails.
    static let firstRepeat = Duration.milliseconds(250)
    static let repeatInterval = Duration.milliseconds(500)
    /// No H1 for this long: nobody is there.
    static let openingLifetime = Duration.seconds(10)
    /// No H2 for this long after the first J2: the answer was lost.
    static let provingLifetime = Duration.seconds(3)
    /// Attempts for one call of the user. Each shows a false host one more chance to guess.
    static let maximumAttempts = 3

    /// How often and for how long a host is asked.
    struct Patience {
        let attempts: Int
        /// No H1 for this long: nobody is there.
        let opening: Duration

        /// For somebody who has a code, and knows that there is a host.
        static let join = Patience(attempts: maximumAttempts, opening: openingLifetime)

        /// For a host that answered in the local network, where others may have answered, too: each
        /// of them gets one guess.
        static let neighbour = Patience(attempts: 1, opening: .seconds(3))
    }

    /// How a join ended without success.
    enum Failure: Equatable {
        case refused(JoinRefusal)
        /// The host answers nothing.
        case noAnswer
        /// The host's H2 says something impossible.
        case brokenProtocol
    }

    private enum State {
        /// J1 is sent; `party` holds its scalar.
        case opening
        /// J2 is sent; `noise` holds its handshake.
        case proving
        /// Joined or failed.
        case ended
    }

    private let secret: SecretBytes
    /// What the PAKE binds.
    private let channel: [UInt8]
    private let patience: Patience
    private let local: PublicKey
    private let request: JoinRequest
    private let arena: SecretArena

    private var state = State.ended
    private var party: CPace.Party?
    private var noise: NoiseKKpsk0?
    private var session = Block16.zero
    private var openingMessage: [UInt8] = []
    private var provingMessage: [UInt8] = []
    private var host: PublicKey?
    private var attempts = 0
    private var since = Instant.zero
    private var repeats = 0
    /// How the join ended, once it failed.
    private(set) var failure: Failure?
    /// Rises with each attempt: the mailbox carries each as a run of its own.
    var attempt: Int { attempts }

    /// - Parameter bucket: of the phrase, where the secret is one; `nameplate` is then its lease.
    init(
        secret: consuming SecretBytes, nameplate: UInt32, bucket: UInt16? = nil, local: PublicKey,
        request: JoinRequest, patience: Patience = .join, arena: SecretArena,
        random: inout AnyRandomSource, now: Instant
    ) {
        self.secret = secret
        self.patience = patience
        channel = JoinMessage.channel(nameplate: nameplate, bucket: bucket)
        self.local = local
        self.request = request
        self.arena = arena
        open(random: &random, now: now)
    }

    // MARK: Time

    var timeout: Instant? {
        switch state {
        case .opening: min(since + patience.opening, nextRepeat)
        case .proving: min(since + JoinerMachine.provingLifetime, nextRepeat)
        case .ended: nil
        }
    }

    /// The message to post to the host, if one is due.
    mutating func poll(random: inout AnyRandomSource, now: Instant) -> [UInt8]? {
        switch state {
        case .opening:
            if now >= since + patience.opening { return fail(.noAnswer) }
            return takeRepeat(openingMessage, now: now)
        case .proving:
            if now >= since + JoinerMachine.provingLifetime {
                guard attempts < patience.attempts else { return fail(.noAnswer) }
                open(random: &random, now: now)
                return takeRepeat(openingMessage, now: now)
            }
            return takeRepeat(provingMessage, now: now)
        case .ended:
            return nil
        }
    }

    private var nextRepeat: Instant {
        switch repeats {
        case 0: since
        case 1: since + JoinerMachine.firstRepeat
        case _: since + JoinerMachine.repeatInterval * (repeats - 1)
        }
    }

    private mutating func takeRepeat(_ message: [UInt8], now: Instant) -> [UInt8]? {
        guard now >= nextRepeat else { return nil }
        repeats += 1
        return message
    }

    private mutating func fail(_ reason: Failure) -> [UInt8]? {
        failure = reason
        state = .ended
        party = nil
        noise = nil
        return nil
    }

    private mutating func open(random: inout AnyRandomSource, now: Instant) {
        attempts += 1
        since = now
        repeats = 0
        session = Block16(high: random.next(), low: random.next())
        let identifier = [UInt8](capacity: Block16.encodedSize) { session.encode(into: &$0) }
        do throws(HandshakeError) {
            let party = unsafe try CPace.Party(
                secret: secret.span, channel: channel.span.bytes, session: identifier.span.bytes,
                random: &random, arena: arena)
            openingMessage = JoinMessage.Opening.make(
                JoinMessage.first, session: session, share: party.share, key: local)
            self.party = consume party
            state = .opening
        } catch {
            // A scalar of zero: the generator is broken, and nothing may be sent under it.
            failure = .brokenProtocol
            state = .ended
        }
    }
}

// MARK: - Messages from the host

extension JoinerMachine {
    /// A body from the mailbox. Returns what the join gave, once.
    mutating func handle(
        _ body: RawSpan, local: borrowing KeyPair, random: inout AnyRandomSource, now: Instant
    ) -> JoinResult? {
        guard body.byteCount > 0 else { return nil }
        switch unsafe body.unsafeLoad(as: UInt8.self) {
        case JoinMessage.hostFirst:
            prove(body, local: local, random: &random, now: now)
            return nil
        case JoinMessage.hostSecond:
            return finish(body, local: local, now: now)
        case JoinMessage.refusal:
            refuse(body)
            return nil
        case _:
            return nil
        }
    }

    private mutating func prove(
        _ body: RawSpan, local: borrowing KeyPair, random: inout AnyRandomSource, now: Instant
    ) {
        guard case .opening = state,
            let answer = try? JoinMessage.Opening(body, type: JoinMessage.hostFirst),
            answer.session == session, answer.key != local.publicKey
        else { return }
        guard let party = party.take() else { return }
        state = .ended
        let hostMessage = unsafe body.withUnsafeBytes { unsafe Array($0) }
        let identifier = [UInt8](capacity: Block16.encodedSize) { session.encode(into: &$0) }
        do throws(HandshakeError) {
            let key = unsafe try party.agree(
                with: answer.share, session: identifier.span.bytes,
                initiator: (party.share, CPace.PublicKeyData(role: "J", key: local.publicKey)),
                responder: (answer.share, CPace.PublicKeyData(role: "H", key: answer.key)),
                arena: arena)
            let preSharedKey = JoinMessage.preSharedKey(
                key, openingMessage, hostMessage, arena: arena)
            let prologue = JoinMessage.prologue(openingMessage, hostMessage)
            var noise = unsafe NoiseKKpsk0(
                role: .initiator, prologue: prologue.span.bytes, preSharedKey: preSharedKey.span,
                local: local.publicKey, remote: answer.key, arena: arena)
            provingMessage = try JoinerMachine.sealRequest(
                request, session: session, noise: &noise, local: local, random: &random)
            host = answer.key
            self.noise = consume noise
            state = .proving
            since = now
            repeats = 0
        } catch {
            // The host's share is no valid point.
            failure = .brokenProtocol
        }
    }

    private static func sealRequest(
        _ request: JoinRequest, session: Block16, noise: inout NoiseKKpsk0,
        local: borrowing KeyPair, random: inout AnyRandomSource
    ) throws(HandshakeError) -> [UInt8] {
        var failure: HandshakeError?
        let payload = request.encode()
        let message = [UInt8](capacity: 512) { writer in
            writer.write(JoinMessage.second)
            session.encode(into: &writer)
            do throws(HandshakeError) {
                unsafe try noise.writeMessage(
                    payload: payload.span.bytes, local: local, random: &random, into: &writer)
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
        return message
    }

    private mutating func finish(_ body: RawSpan, local: borrowing KeyPair, now: Instant)
        -> JoinResult?
    {
        guard isOfThisSession(body), case .proving = state, let noise = noise.take() else {
            return nil
        }
        // Read on a copy: whoever sits at the mailbox can send us anything.
        var attempt = noise.duplicate()
        let message = body.extracting(JoinMessage.sealedHeaderSize..<body.byteCount)
        guard let payload = try? attempt.readMessage(message, local: local), let host else {
            self.noise = consume noise
            return nil
        }
        state = .ended
        guard let welcome = try? Welcome(payload.span, arena: arena),
            welcome.roster.key(of: welcome.number) == local.publicKey,
            welcome.roster.key(of: welcome.roster.host) == host
        else {
            failure = .brokenProtocol
            return nil
        }
        return JoinResult(keys: attempt.finish(), welcome: welcome, host: host)
    }

    private mutating func refuse(_ body: RawSpan) {
        guard body.byteCount == JoinMessage.refusalSize, isOfThisSession(body) else { return }
        var reader = ByteReader(body)
        guard (try? reader.skip(JoinMessage.sealedHeaderSize)) != nil,
            let code = try? reader.readUInt8(), let reason = JoinRefusal(rawValue: code)
        else { return }
        switch state {
        case .opening:
            // Before J2 nobody can know that the words are wrong.
            if reason != .refused { _ = fail(.refused(reason)) }
        case .proving:
            _ = fail(.refused(reason))
        case .ended:
            return
        }
    }

    private func isOfThisSession(_ body: RawSpan) -> Bool {
        var reader = ByteReader(body)
        guard (try? reader.skip(1)) != nil, let named = try? Block16(from: &reader) else {
            return false
        }
        return named == session
    }
}

/// What a successful join gives the joiner.
struct JoinResult: ~Copyable {
    let keys: HandshakeResult
    let welcome: Welcome
    let host: PublicKey
}
