import CAllocationCounter
import Testing
import VCCore

@testable import VCNet

/// Real sockets on loopback.
@Suite(.serialized) struct ExtraSocketsTests {
    private static let any = Endpoint(high: 0, low: 0, port: 0)
    private static let message: [UInt8] = [1, 2, 3, 4]

    private static func loopback(_ port: UInt16) -> Endpoint {
        Endpoint(ipv4: 0x7F00_0001, port: port)
    }

    /// A datagram as a machine would want it sent, through the socket with a number.
    private static func send(
        _ sockets: inout ExtraSockets, through number: UInt8, to port: UInt16, hops: UInt8? = nil
    ) {
        let transmit = Transmit(
            destination: loopback(port).through(socket: number), size: message.count, hops: hops)
        message.withUnsafeBytes { sockets.send($0, as: transmit, hops: 64) }
    }

    private static func send(
        to endpoint: Endpoint, _ batch: inout SendBatch, through socket: borrowing UDPSocket
    ) {
        batch.reserve()?.copyBytes(from: message)
        batch.commit(message.count, to: endpoint)
        batch.flush(through: socket)
    }

    /// What arrives at `socket` within a second.
    private static func receive(
        at socket: borrowing UDPSocket, _ batch: inout ReceiveBatch
    ) throws -> Endpoint? {
        var poller = try Poller()
        try poller.add(socket.descriptorNumber, token: 1)
        guard try poller.wait(until: MonotonicClock.now + .seconds(1)) == 1 else { return nil }
        guard batch.receive(from: socket) == 1 else { return nil }
        #expect(Array(batch.bytes(0)) == message)
        return batch.source(0)
    }

    @Test("what is needed is open, what is not needed any more is closed")
    func match() throws {
        var sockets = ExtraSockets(tokens: 256..<512)
        let poller = try Poller()
        let few = SocketSet(first: 3)
        sockets.match(few, beside: Self.any, poller: poller)
        let opened = sockets.open
        #expect(opened == few)
        let numbers = (255...260).map { sockets.number(of: UInt64($0)) }
        #expect(numbers == [nil, nil, 1, 2, 3, nil])
        let all = SocketSet(first: 255)
        sockets.match(all, beside: Self.any, poller: poller)
        let (everything, refused, last) = (
            sockets.open, sockets.refused, sockets.number(of: 511)
        )
        #expect(everything == all && refused == 0 && last == 255)
        var one = SocketSet()
        one.insert(200)
        sockets.match(one, beside: Self.any, poller: poller)
        let (left, gone, outside) = (
            sockets.open, sockets.number(of: 257), sockets.number(of: 512)
        )
        #expect(left == one && gone == nil && outside == nil)
    }

    @Test("a datagram leaves through the socket that it names, and the answer comes in there")
    func conversation() throws {
        var sockets = ExtraSockets(tokens: 256..<512)
        var poller = try Poller()
        let peer = try UDPSocket(bindingTo: Self.loopback(0))
        var batch = ReceiveBatch(slots: 4)
        var answers = SendBatch(slots: 1)
        let main = try UDPSocket(bindingTo: Self.loopback(0))
        sockets.match(SocketSet(first: 8), beside: main.localEndpoint, poller: poller)
        var ports: Set<UInt16> = []
        for number in 1...8 as ClosedRange<UInt8> {
            Self.send(
                &sockets, through: number, to: peer.localEndpoint.port,
                hops: number % 2 == 0 ? 2 : nil)
            let source = try #require(try Self.receive(at: peer, &batch))
            // At the address of the main socket.
            #expect(source.hasSameAddress(as: Self.loopback(0)))
            ports.insert(source.port)
            Self.send(to: source, &answers, through: peer)
            let ready = try poller.wait(until: MonotonicClock.now + .seconds(1))
            #expect(ready == 1)
            let woken = sockets.number(of: poller.readiness(0).token)
            #expect(woken == number)
            let count = sockets.receive(from: number, into: &batch)
            #expect(count == 1 && Array(batch.bytes(0)) == Self.message)
        }
        #expect(ports.count == 8 && !ports.contains(main.localEndpoint.port))
    }

    @Test("through a socket that is not there nothing is sent, and a closed one wakes nobody")
    func closed() throws {
        var sockets = ExtraSockets(tokens: 256..<512)
        var poller = try Poller()
        let peer = try UDPSocket(bindingTo: Self.loopback(0))
        var batch = ReceiveBatch(slots: 4)
        sockets.match(SocketSet(first: 1), beside: Self.any, poller: poller)
        Self.send(&sockets, through: 2, to: peer.localEndpoint.port)
        Self.send(&sockets, through: 1, to: peer.localEndpoint.port)
        let source = try #require(try Self.receive(at: peer, &batch))
        let more = batch.receive(from: peer)
        #expect(more == 0)
        sockets.match(SocketSet(), beside: Self.any, poller: poller)
        var answers = SendBatch(slots: 1)
        Self.send(to: source, &answers, through: peer)
        let ready = try poller.wait(until: MonotonicClock.now + .milliseconds(50))
        #expect(ready == 0)
    }

    @Test("a packet through another socket allocates nothing")
    func allocations() throws {
        guard vc_allocation_counter_works() == 1 else { return }
        var sockets = ExtraSockets(tokens: 256..<512)
        let poller = try Poller()
        let peer = try UDPSocket(bindingTo: Self.loopback(0))
        var batch = ReceiveBatch(slots: 4)
        sockets.match(SocketSet(first: 255), beside: Self.any, poller: poller)
        let port = peer.localEndpoint.port
        var received = 0
        var before: UInt64 = 0
        for round in 0..<1_000 {
            if round == 10 { before = vc_allocation_count() }
            Self.send(&sockets, through: 77, to: port, hops: round % 8 == 0 ? 2 : nil)
            received += batch.receive(from: peer)
        }
        let allocations = vc_allocation_count() - before
        #expect(allocations == 0)
        #expect(received == 1_000)
    }
}

extension ExtraSockets {
    /// Both halves of what a turn of the network loop does.
    fileprivate mutating func match(
        _ needed: SocketSet, beside main: Endpoint, poller: borrowing Poller
    ) {
        openMissing(of: needed, beside: main, poller: poller)
        closeOthers(than: needed)
    }
}
