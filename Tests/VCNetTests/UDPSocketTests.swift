import Testing
import VCCore

@testable import VCNet

@Suite struct UDPSocketTests {
    private static let loopback4 = Endpoint(ipv4: 0x7F00_0001, port: 0)
    private static let loopback6 = Endpoint(high: 0, low: 1, port: 0)

    /// Receives until `count` datagrams came or 2 s passed.
    private static func collect(
        _ count: Int, from socket: borrowing UDPSocket
    ) throws -> [(bytes: [UInt8], source: Endpoint)] {
        var poller = try Poller()
        try poller.add(socket.descriptorNumber, token: 1)
        var batch = ReceiveBatch(slots: 4)
        var found: [([UInt8], Endpoint)] = []
        let deadline = MonotonicClock.now + .seconds(2)
        while found.count < count, MonotonicClock.now < deadline {
            _ = try poller.wait(until: deadline)
            for index in 0..<batch.receive(from: socket) {
                found.append((Array(batch.bytes(index)), batch.source(index)))
            }
        }
        return found
    }

    private static func send(_ payloads: [[UInt8]], to: Endpoint, from: borrowing UDPSocket)
        -> (sent: UInt64, refused: UInt64)
    {
        var batch = SendBatch(slots: payloads.count)
        for payload in payloads {
            guard let memory = batch.reserve() else { break }
            memory.copyBytes(from: payload)
            batch.commit(payload.count, to: to)
        }
        batch.flush(through: from)
        return (batch.sent, batch.refused)
    }

    @Test("one socket sends and receives IPv4 and IPv6, and tells who sent")
    func dualStack() throws {
        let server = try UDPSocket()
        for local in [Self.loopback4, Self.loopback6] {
            let client = try UDPSocket(bindingTo: local)
            let target = local.with(port: server.localEndpoint.port)
            let payloads = (0..<9).map { [UInt8](repeating: $0, count: Int($0) * 100) }
            #expect(Self.send(payloads, to: target, from: client).sent == 9)
            let received = try Self.collect(9, from: server)
            #expect(received.map(\.bytes) == payloads)
            #expect(received.allSatisfy { $0.source == client.localEndpoint })
            // And back, to the address as it was received.
            _ = Self.send([[7]], to: received[0].source, from: server)
            #expect(try Self.collect(1, from: client).first?.bytes == [7])
        }
    }

    @Test("a port that is taken is told apart from other errors")
    func portInUse() throws {
        let first = try UDPSocket()
        let port = first.localEndpoint.port
        #expect(throws: SocketError.portInUse(port)) {
            _ = try UDPSocket(bindingTo: .anyAddress(port: port))
        }
        let elsewhere = Endpoint(ipv4: 0xC000_0201, port: 0)
        #expect(throws: SocketError.noSuchLocalAddress(elsewhere)) {
            _ = try UDPSocket(bindingTo: elsewhere)
        }
    }

    @Test("an address that refuses does not stop the rest of the batch")
    func refusedInTheMiddle() throws {
        let server = try UDPSocket(bindingTo: Self.loopback4)
        let client = try UDPSocket()
        var batch = SendBatch(slots: 3)
        // Port 0 cannot be sent to: the kernel says EINVAL.
        for target in [server.localEndpoint, Self.loopback4, server.localEndpoint] {
            guard let memory = batch.reserve() else { break }
            memory[0] = 9
            batch.commit(1, to: target)
        }
        batch.flush(through: client)
        #expect(batch.sent == 2)
        #expect(batch.refused == 1)
        #expect(batch.count == 0)
        #expect(try Self.collect(2, from: server).count == 2)
    }

    @Test(
        "without IPv6 the same calls work over IPv4, and IPv6 destinations are refused one by one")
    func withoutIPv6() throws {
        let server = try UDPSocket(
            bindingTo: .anyAddress(port: 0), receiveBufferBytes: 1 << 16, hasIPv6: false)
        let isDualStack = server.isDualStack
        #expect(!isDualStack)
        let client = try UDPSocket(
            bindingTo: Self.loopback4, receiveBufferBytes: 1 << 16, hasIPv6: false)
        let target = Self.loopback4.with(port: server.localEndpoint.port)
        var batch = SendBatch(slots: 3)
        // Twice, because the slots remember what they held.
        for _ in 0..<2 {
            for destination in [target, Self.loopback6.with(port: 9), target] {
                guard let memory = batch.reserve() else { break }
                memory[0] = 8
                batch.commit(1, to: destination)
            }
            batch.flush(through: client)
        }
        #expect(batch.sent == 4)
        #expect(batch.refused == 2)
        let received = try Self.collect(4, from: server)
        #expect(received.count == 4)
        #expect(received.allSatisfy { $0.source == client.localEndpoint })
        #expect(throws: SocketError.noSuchLocalAddress(Self.loopback6)) {
            _ = try UDPSocket(
                bindingTo: Self.loopback6, receiveBufferBytes: 1 << 16, hasIPv6: false)
        }
    }

    @Test("a closed port at the other end breaks nothing")
    func connectionRefused() throws {
        let client = try UDPSocket(bindingTo: Self.loopback4)
        let gone: Endpoint
        do {
            let socket = try UDPSocket(bindingTo: Self.loopback4)
            gone = socket.localEndpoint
        }
        for _ in 0..<5 { _ = Self.send([[1]], to: gone, from: client) }
        let server = try UDPSocket(bindingTo: Self.loopback4)
        #expect(Self.send([[2]], to: server.localEndpoint, from: client).sent == 1)
        #expect(try Self.collect(1, from: server).count == 1)
    }

    @Test("a datagram that is too long arrives as longer than any of ours")
    func tooLong() throws {
        let server = try UDPSocket(bindingTo: Self.loopback4)
        let client = try UDPSocket(bindingTo: Self.loopback4)
        let longest = [UInt8](repeating: 1, count: 1_280)
        _ = Self.send([longest], to: server.localEndpoint, from: client)
        let received = try Self.collect(1, from: server)
        #expect(received[0].bytes.count > Limits.datagram)
    }

    @Test("addresses survive the way through the kernel's forms")
    func addressForms() {
        let mapped = Endpoint(ipv4: 0x0102_0304, port: 4460)
        #expect(Endpoint(mapped.socketAddress6) == mapped)
        #expect(mapped.socketAddress4.map { Endpoint($0) } == mapped)
        let linkLocal = Endpoint(high: 0xFE80 << 48, low: 5, port: 1, scope: 3)
        #expect(Endpoint(linkLocal.socketAddress6) == linkLocal)
        #expect(linkLocal.socketAddress4 == nil)
    }
}
