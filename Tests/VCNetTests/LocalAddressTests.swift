import Testing
import VCCore

@testable import VCNet

/// Servers with several addresses: where a datagram came in, and where the answer leaves from.
@Suite struct LocalAddressTests {
    private static func receive(
        _ batch: inout ReceiveBatch, from socket: borrowing UDPSocket
    ) throws -> Int {
        var poller = try Poller()
        try poller.add(socket.descriptorNumber, token: 1)
        _ = try poller.wait(until: MonotonicClock.now + .seconds(2))
        return batch.receive(from: socket)
    }

    private static func send(
        _ byte: UInt8, _ batch: inout SendBatch, through socket: borrowing UDPSocket,
        to destination: Endpoint, from source: Endpoint? = nil
    ) {
        guard let memory = batch.reserve() else { return }
        memory[0] = byte
        batch.commit(1, to: destination, from: source)
        batch.flush(through: socket)
    }

    @Test(
        "an answer leaves from the address that was asked, in both kinds of sockets",
        arguments: [true, false])
    func answers(hasIPv6: Bool) throws {
        let server = try UDPSocket(
            bindingTo: .anyAddress(port: 0), receiveBufferBytes: 1 << 16,
            reportsDestinations: true, hasIPv6: hasIPv6)
        var received = ReceiveBatch(slots: 4, readsDestinations: true)
        var sent = SendBatch(choosesSources: true)
        var addresses = [0x7F00_0001, 0x7F00_0002, 0x7F01_0203].map {
            Endpoint(ipv4: UInt32($0), port: server.localEndpoint.port)
        }
        if server.isDualStack {
            addresses.append(Endpoint(high: 0, low: 1, port: server.localEndpoint.port))
        }
        // Twice: what the kernel wrote into the batch must not stay there.
        for address in addresses + addresses {
            let client = try UDPSocket()
            var outgoing = SendBatch()
            Self.send(1, &outgoing, through: client, to: address)
            #expect(try Self.receive(&received, from: server) == 1)
            let (source, destination) = (received.source(0), received.destination(0))
            #expect(destination == address.with(port: 0))
            Self.send(2, &sent, through: server, to: source, from: destination)
            var incoming = ReceiveBatch()
            #expect(try Self.receive(&incoming, from: client) == 1)
            #expect(incoming.source(0) == address)
            #expect(incoming.destination(0) == nil)
        }
        #expect(sent.refused == 0)
    }

    @Test("an address that is not ours is refused, and the next datagram is not")
    func foreignAddress() throws {
        let socket = try UDPSocket()
        let target = try UDPSocket(bindingTo: Endpoint(ipv4: 0x7F00_0001, port: 0))
        var batch = SendBatch(choosesSources: true)
        for source in [Endpoint(ipv4: 0xC000_0201, port: 0), nil] {
            guard let memory = batch.reserve() else { return }
            memory[0] = source == nil ? 7 : 6
            batch.commit(1, to: target.localEndpoint, from: source)
        }
        batch.flush(through: socket)
        #expect(batch.refused == 1 && batch.sent == 1)
        var received = ReceiveBatch()
        #expect(try Self.receive(&received, from: target) == 1)
        #expect(received.bytes(0)[0] == 7)
    }
}
