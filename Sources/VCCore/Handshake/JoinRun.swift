/// One joiner's run at the host's door, from its J1 on. Runs are few and short-lived; a class, so
/// that the door's list can hold their noncopyable parts.
final class JoinRun {
    /// What has happened.
    enum State {
        /// H1 is sent, J2 has not come.
        case open
        /// J2 waits until the guess budget lets it be opened.
        case waiting
        /// J2 opened: the joiner knows the words. The room has not answered yet.
        case proven
        /// H2 is sent.
        case done
        /// J2 did not open, or the room said no.
        case refused(JoinRefusal)
    }

    let mailbox: UInt32
    let tag: UInt64
    let session: Block16
    let key: PublicKey
    let first: [UInt8]
    let hostFirst: [UInt8]
    let deadline: Instant
    var state = State.open
    /// The J2 that was or will be opened; another one is dropped.
    var second: [UInt8] = []
    var hostSecond: [UInt8] = []
    var noise: NoiseKKpsk0?

    private let share: CPace.Share
    private var party: CPace.Party?

    /// Answers J1: draws Yb and makes H1.
    init(
        mailbox: UInt32, tag: UInt64, opening: JoinMessage.Opening, first: [UInt8],
        secret: RawSpan, channel: [UInt8], local: PublicKey, random: inout AnyRandomSource,
        arena: SecretArena, deadline: Instant
    ) throws(HandshakeError) {
        self.mailbox = mailbox
        self.tag = tag
        self.first = first
        self.deadline = deadline
        session = opening.session
        key = opening.key
        share = opening.share
        let identifier = [UInt8](capacity: Block16.encodedSize) {
            opening.session.encode(into: &$0)
        }
        let party = unsafe try CPace.Party(
            secret: secret, channel: channel.span.bytes,
            session: identifier.span.bytes, random: &random, arena: arena)
        hostFirst = JoinMessage.Opening.make(
            JoinMessage.hostFirst, session: opening.session, share: party.share, key: local)
        self.party = consume party
    }

    /// Opens J2: returns what the joiner says of itself when it knows the words. Yb's scalar is
    /// wiped either way: a run is one guess.
    func open(local: borrowing KeyPair, arena: SecretArena) throws(HandshakeError) -> JoinRequest {
        guard let party = party.take() else { throw .malformed }
        let identifier = [UInt8](capacity: Block16.encodedSize) { session.encode(into: &$0) }
        let isk = unsafe try party.agree(
            with: share, session: identifier.span.bytes,
            initiator: (share, CPace.PublicKeyData(role: "J", key: key)),
            responder: (party.share, CPace.PublicKeyData(role: "H", key: local.publicKey)),
            arena: arena)
        let preSharedKey = JoinMessage.preSharedKey(isk, first, hostFirst, arena: arena)
        var noise = unsafe NoiseKKpsk0(
            role: .responder, prologue: JoinMessage.prologue(first, hostFirst).span.bytes,
            preSharedKey: preSharedKey.span, local: local.publicKey, remote: key, arena: arena)
        let sealed = Array(second.dropFirst(JoinMessage.sealedHeaderSize))
        let payload = unsafe try noise.readMessage(sealed.span.bytes, local: local)
        let request: JoinRequest
        do throws(DecodeError) {
            request = try JoinRequest(payload.span)
        } catch {
            throw .malformed
        }
        self.noise = consume noise
        return request
    }

    /// Makes H2 with the room's welcome in it, once.
    func welcome(
        _ payload: RawSpan, local: borrowing KeyPair, random: inout AnyRandomSource
    ) throws(HandshakeError) -> HandshakeResult {
        guard var noise = noise.take() else { throw .malformed }
        var failure: HandshakeError?
        hostSecond = [UInt8](capacity: Limits.datagram) { writer in
            writer.write(JoinMessage.hostSecond)
            session.encode(into: &writer)
            do throws(HandshakeError) {
                try noise.writeMessage(
                    payload: payload, local: local, random: &random, into: &writer)
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
        state = .done
        return noise.finish()
    }
}
