internal import VCCore

/// Where a member was seen: said to itself, and confirmed to whom it shows that. Nothing is kept.
extension SignalService {
    mutating func answerSight(_ subject: Block16, _ sender: Sender, now: Instant) {
        counters.sightings += 1
        let sighting = Sighting(
            endpoint: sender.endpoint,
            seal: seal(of: sender.endpoint, subject, slot: slot(now)))
        answer(sender) {
            SignalAnswer.writeSight(
                transaction: sender.transaction, subject: subject, sighting: sighting, into: &$0)
        }
    }

    mutating func answerVerify(
        _ subject: Block16, _ sighting: Sighting, _ sender: Sender, now: Instant
    ) {
        let slot = slot(now)
        let isTrue =
            seal(of: sighting.endpoint, subject, slot: slot).matches(sighting.seal)
            || slot > 0
                && seal(of: sighting.endpoint, subject, slot: slot - 1).matches(sighting.seal)
        if !isTrue { counters.sightingsRefused += 1 }
        answer(sender) {
            SignalAnswer.writeVerified(
                transaction: sender.transaction, subject: subject, seal: sighting.seal,
                isTrue: isTrue, into: &$0)
        }
    }

    /// Over UDP and TCP it differs: what comes in a connection is no address for datagrams, and an
    /// endpoint that somebody asks about is always UDP.
    private func seal(of endpoint: Endpoint, _ subject: Block16, slot: UInt64) -> Block16 {
        var storage = InlineArray<48, UInt8>(repeating: 0)
        var bytes = storage.mutableSpan
        var writer = unsafe ByteWriter(bytes.mutableBytes)
        writer.write(slot << 1 | UInt64(endpoint.transport.rawValue))
        endpoint.encode(into: &writer)
        subject.encode(into: &writer)
        let size = writer.count
        return unsafe sightHash.hash(storage.span.bytes.extracting(0..<size))
    }
}
