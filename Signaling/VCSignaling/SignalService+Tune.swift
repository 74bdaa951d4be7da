internal import VCCore

/// Leases that are found by the bucket of a phrase. The bucket is all that is known of a phrase.
extension SignalService {
    mutating func tuneClaim(
        _ token: Block16, _ roomID: Block16, _ bucket: UInt16, _ wanted: UInt32,
        _ isTrusted: Bool, _ sender: Sender, now: Instant
    ) {
        guard mayClaim(token, isTrusted, sender, now: now) else { return }
        answer(
            directory.claim(
                tokenHash: token, roomID: roomID, bucket: bucket, wanted: wanted, from: sender,
                now: now), sender)
    }

    /// The leases whose hosts are heard, in an order that nobody can choose.
    mutating func tuneList(_ bucket: UInt16, _ sender: Sender, now: Instant) {
        let source = hash(of: SourcePrefix(source: sender.endpoint), purpose: .tuneLists)
        guard tuneLists.take(source, now: now) else {
            counters.rateLimited += 1
            return
        }
        counters.tuneLists += 1
        let round = counters.tuneLists
        let leases = directory.leases(
            in: bucket, heardWithin: SignalLimits.tuneSilence, now: now
        ).map { (sourceHash.hash(round, UInt64($0), Purpose.tuneOrder.rawValue, 0).high, $0) }
            .sorted { $0 < $1 }
            .map { $0.1 }
        answer(sender) {
            SignalAnswer.writeLeases(
                transaction: sender.transaction, bucket: bucket, leases, into: &$0)
        }
    }
}
