internal import VCCore

/// The lease of a room goes from one of its members to another: who knows the claim token may take
/// it when the holder is silent or lets go, and the holder alone changes the token.
extension SignalService {
    /// The slot of the lease that a token holds for its sender; nil after the sender was told why
    /// there is none.
    mutating func holding(_ token: Block16, _ sender: Sender) -> Int? {
        switch directory.standing(tokenHash: token, of: sender) {
        case .held(let slot): return slot
        case .displaced: answer(KeptStatus.displaced, sender)
        case .unknown: answer(KeptStatus.unknown, sender)
        }
        return nil
    }

    mutating func rotate(
        _ token: Block16, to newToken: Block16, _ sender: Sender, now: Instant
    ) {
        switch directory.standing(tokenHash: token, of: sender) {
        case .held(let slot):
            _ = directory.keep(slot, from: sender, now: now)
            answer(directory.rotate(slot, to: newToken) ? .rotated : .unknown, sender)
        case .displaced: answer(KeptStatus.displaced, sender)
        case .unknown: answer(RotatedStatus.unknown, sender)
        }
    }

    mutating func yield(_ token: Block16, _ sender: Sender, now: Instant) {
        guard let slot = holding(token, sender) else { return }
        directory.yield(slot)
        answer(KeptStatus.yielded, sender)
    }

    private typealias KeptStatus = SignalAnswer.KeptStatus
    private typealias RotatedStatus = SignalAnswer.RotatedStatus

    private mutating func answer(_ status: RotatedStatus, _ sender: Sender) {
        answer(sender) {
            SignalAnswer.writeRotated(
                transaction: sender.transaction, status: status, into: &$0)
        }
    }
}
