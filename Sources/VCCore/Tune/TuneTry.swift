/// A join at one lease of the bucket, with a way through the server of its own: whoever is host
/// there has our phrase, or not.
final class TuneTry {
    /// A lease whose host says nothing for so long is given up.
    private static let opening = Duration.seconds(3)

    let lease: UInt32
    /// The receiver index that J2 names.
    let index: UInt32
    var signal: SignalClient
    var joiner: JoinerMachine
    /// What the server said that concerns us once we are in the room.
    var kept: [SignalEvent] = []
    private var attempt = 1
    private var isLost = false

    /// - Parameter attempts: how often the join is tried; each shows a false host one guess.
    init(
        _ lease: UInt32, _ context: borrowing TuneContext, secret: borrowing TuneSecret,
        attempts: Int, random: inout AnyRandomSource, now: Instant
    ) {
        self.lease = lease
        index = random.next()
        signal = SignalClient(
            servers: context.servers, joining: lease, relayKey: context.relayKey, random: &random,
            now: now)
        joiner = JoinerMachine(
            secret: secret.proof.duplicate(), nameplate: lease, bucket: secret.bucket,
            local: context.local,
            request: JoinRequest(index: index, candidates: context.candidates),
            patience: JoinerMachine.Patience(attempts: attempts, opening: TuneTry.opening),
            arena: context.arena, random: &random, now: now)
    }

    var timeout: Instant {
        min(signal.pollTimeout() ?? .distantFuture, joiner.timeout ?? .distantFuture)
    }

    /// Why the try is over, nil while it is not.
    var failure: JoinerMachine.Failure? {
        isLost ? .noAnswer : joiner.failure
    }

    /// Does what is due. Returns what the join gave, once.
    func handleTimeout(
        keys: borrowing KeyPair, random: inout AnyRandomSource, now: Instant
    ) -> JoinResult? {
        if let due = signal.pollTimeout(), now >= due { signal.handleTimeout(now: now) }
        while let event = signal.pollEvent() {
            switch event {
            case .message(_, _, let body):
                if let result = unsafe joiner.handle(
                    body.span.bytes, local: keys, random: &random, now: now)
                {
                    return result
                }
            case .reachable, .relays, .ticket: kept.append(event)
            case .noSuchRoom, .unreachable, .rateLimited, .serverFull, .unsupportedVersion:
                isLost = true
            case .leased, .leaseLost, .nameplateTaken, .released, .sight, .sightVerified, .leases,
                .serverDraining, .mailboxClosed, .claimRefused, .tokenNeeded:
                continue
            }
        }
        post(random: &random, now: now)
        return nil
    }

    private func post(random: inout AnyRandomSource, now: Instant) {
        guard let message = joiner.poll(random: &random, now: now) else { return }
        if joiner.attempt != attempt {
            attempt = joiner.attempt
            signal.newRun(random: &random, now: now)
        }
        unsafe signal.post(message.span.bytes, now: now)
    }
}

/// What a try is made with.
struct TuneContext: ~Copyable {
    /// The server that told of the leases.
    let servers: [Endpoint]
    let local: PublicKey
    let relayKey: VerifyKey
    let candidates: [Endpoint]
    let arena: SecretArena
}
