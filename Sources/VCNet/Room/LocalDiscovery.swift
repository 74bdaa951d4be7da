internal import VCCore

/// A call's part in the search for rooms in the local network: what answers for a room whose
/// signaling server is here, and what asks for one.
///
/// Answers leave from the socket of the call, so that they come from where the server is.
struct LocalDiscovery: ~Copyable {
    /// Datagrams per reading: questions come in bursts of a few, and a flood must not hold up
    /// voice.
    private static let slots = 8

    private let hearingToken: UInt64
    private let askingToken: UInt64
    private var hearing: MulticastSocket?
    private var asking: MulticastSocket?
    private var answerer: DiscoveryAnswerer
    private var links = LocalLinks([]) { _ in false }
    private var batch = ReceiveBatch(slots: LocalDiscovery.slots, readsDestinations: true)
    /// How many datagrams were read last, and which of them is next.
    private var count = 0
    private var position = 0

    init(hearingToken: UInt64, askingToken: UInt64) {
        self.hearingToken = hearingToken
        self.askingToken = askingToken
        var random = SystemRandom()
        answerer = DiscoveryAnswerer(random: &random)
    }

    // MARK: Answering

    /// Hears questions from now on.
    ///
    /// - Returns: false where there is no socket for it; the code with its address still works.
    mutating func hear(_ poller: borrowing Poller) -> Bool {
        guard hearing == nil else { return true }
        guard var socket = try? MulticastSocket(hearingAt: DiscoveryFormat.port) else {
            return false
        }
        do throws(SystemError) {
            try poller.add(socket.descriptorNumber, token: hearingToken)
        } catch {
            return false
        }
        links = LocalLinks.current
        socket.join(links)
        hearing = consume socket
        return true
    }

    /// This machine's addresses may be others now.
    mutating func linksChanged() {
        guard hearing != nil || asking != nil else { return }
        links = LocalLinks.current
        hearing?.join(links)
    }

    /// The next answer to a question that was read, and who asked.
    mutating func nextAnswer(
        for service: any DatagramService, now: Instant
    ) -> (answer: DiscoveryAnswer, asker: Endpoint)? {
        while let index = nextIndex() {
            // A router may bring what was sent to this machine alone.
            guard DiscoveryFormat.isGroup(batch.destination(index)) else { continue }
            let source = batch.source(index)
            let question = unsafe RawSpan(_unsafeBytes: UnsafeRawBufferPointer(batch.bytes(index)))
            let answer = answerer.answer(question, from: source, links: links.prefixes, now: now) {
                service.holds($0)
            }
            if let answer { return (answer, source) }
        }
        return nil
    }

    // MARK: Asking

    /// Sends a question into each network.
    mutating func ask(_ question: RawSpan, _ poller: borrowing Poller) {
        if asking == nil { openAsking(poller) }
        asking?.ask(question, on: links)
    }

    private mutating func openAsking(_ poller: borrowing Poller) {
        guard let socket = try? MulticastSocket(hearingAt: nil) else { return }
        do throws(SystemError) {
            try poller.add(socket.descriptorNumber, token: askingToken)
        } catch {
            return
        }
        links = LocalLinks.current
        asking = consume socket
    }

    /// Nobody waits for answers any more.
    mutating func stopAsking() {
        // The kernel forgets a watch with its descriptor.
        asking = nil
    }

    /// The next answer of a neighbour that was read, and where it came from.
    mutating func nextReply() -> (bytes: UnsafeMutableRawBufferPointer, source: Endpoint)? {
        while let index = nextIndex() {
            let (bytes, source) = unsafe (batch.bytes(index), batch.source(index))
            guard unsafe bytes.first == PacketType.discovery, links.prefixes.contains(source)
            else { continue }
            return unsafe (bytes, source)
        }
        return nil
    }

    // MARK: Reading

    /// Reads once what is waiting, of questions or of answers. What is left is told by the poller
    /// again, after voice had its turn.
    mutating func read(_ token: UInt64) {
        position = 0
        count =
            (token == askingToken
                ? asking?.receive(into: &batch) : hearing?.receive(into: &batch)) ?? 0
    }

    /// The place of the next datagram that was read.
    private mutating func nextIndex() -> Int? {
        guard position < count else { return nil }
        position += 1
        return position - 1
    }
}
