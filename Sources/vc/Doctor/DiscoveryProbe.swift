internal import CVCLinux
internal import VCCore
internal import VCNet

/// Whether rooms of the local network can be found, and ours by others: asks, and hears itself.
enum DiscoveryProbe {
    /// The kernel loops multicast at once.
    private static let patience = Duration.milliseconds(300)

    static func run() -> Finding {
        // What firewalls do elsewhere says nothing about the loopback interface.
        let links = LocalLinks.current.withoutLoopback
        do throws(SocketError) {
            var hearing = try MulticastSocket(hearingAt: DiscoveryFormat.port)
            hearing.join(links)
            var asking = try MulticastSocket(hearingAt: nil)
            var random = SystemRandom()
            // A number that nobody has: whoever is there need not answer.
            let query = DiscoveryQuery(
                transaction: random.next(), nameplate: RoomCode.nameplates.upperBound)
            let question = [UInt8](capacity: DiscoveryFormat.querySize) { query.encode(into: &$0) }
            unsafe asking.ask(question.span.bytes, on: links)
            let names = links.links.filter { !$0.isLoopback }.map(\.name)
            return .discovery(hears(query, hearing) ? .heard(names) : .silent)
        } catch {
            return .discovery(.unavailable("\(error)"))
        }
    }

    private static func hears(_ query: DiscoveryQuery, _ socket: borrowing MulticastSocket) -> Bool
    {
        var batch = ReceiveBatch(slots: 8, readsDestinations: true)
        let end = MonotonicClock.now + patience
        while MonotonicClock.now < end {
            _ = vc_poll_readable(
                socket.descriptorNumber, CInt((end - MonotonicClock.now).inMilliseconds) + 1)
            for index in 0..<socket.receive(into: &batch) {
                let bytes = unsafe RawSpan(
                    _unsafeBytes: UnsafeRawBufferPointer(batch.bytes(index)))
                if (try? DiscoveryQuery(bytes)) == query { return true }
            }
        }
        return false
    }
}
