import Glibc
import Testing
import VCCore

@testable import VCNet

/// Datagrams through a `ForwardBatch` over loopback.
@Suite struct ForwardBatchTests {
    private static let loopback4 = Endpoint(ipv4: 0x7F00_0001, port: 0)
    private static let loopback6 = Endpoint(high: 0, low: 1, port: 0)

    /// What arrives at two receivers when datagrams of these sizes, each numbered in its first
    /// byte, are forwarded to them in turns of `pattern`.
    private static func forwarded(
        sizes: [Int], pattern: [Int], at local: Endpoint, hasIPv6: Bool = true
    ) throws -> (received: [[[UInt8]]], sent: UInt64, joined: UInt64) {
        let relay = try UDPSocket(
            bindingTo: local, receiveBufferBytes: 1 << 20, hasIPv6: hasIPv6)
        let sender = try UDPSocket(bindingTo: local)
        let first = try UDPSocket(bindingTo: local)
        let second = try UDPSocket(bindingTo: local)
        let ends = [first.localEndpoint, second.localEndpoint]
        var out = SendBatch(slots: 64)
        for (number, size) in sizes.enumerated() {
            guard let memory = out.reserve() else { break }
            memory[0] = UInt8(number)
            for index in 1..<size { memory[index] = UInt8(truncatingIfNeeded: number + index) }
            out.commit(size, to: relay.localEndpoint)
        }
        out.flush(through: sender)
        var batch = ForwardBatch()
        #expect(batch.receive(from: relay) == sizes.count)
        for index in 0..<batch.count {
            #expect(batch.source(index) == sender.localEndpoint)
            let end = pattern[index % pattern.count]
            guard end >= 0 else { continue }
            batch.forward(index, to: ends[end], key: Int32(end))
        }
        batch.flush(through: relay)
        return (
            [Self.receive(from: first), Self.receive(from: second)], batch.sent, batch.joined
        )
    }

    private static func receive(from socket: borrowing UDPSocket) -> [[UInt8]] {
        var batch = ReceiveBatch(slots: 64)
        var found: [[UInt8]] = []
        while batch.receive(from: socket) > 0 {
            for index in 0..<batch.count { found.append(Array(batch.bytes(index))) }
        }
        return found
    }

    private static func expected(_ sizes: [Int], _ numbers: [Int]) -> [[UInt8]] {
        numbers.map { number in
            [UInt8(number)]
                + (1..<sizes[number]).map { UInt8(truncatingIfNeeded: number + $0) }
        }
    }

    @Test("datagrams arrive whole, in order and where they belong; those of one size together")
    func together() throws {
        for local in [loopback(6), loopback(4)] {
            let sizes = [Int](repeating: 120, count: 12)
            let result = try Self.forwarded(sizes: sizes, pattern: [0, 1, 0, -1], at: local)
            #expect(result.received[0] == Self.expected(sizes, [0, 2, 4, 6, 8, 10]))
            #expect(result.received[1] == Self.expected(sizes, [1, 5, 9]))
            #expect(result.sent == 9 && result.joined == 7)
        }
    }

    @Test("datagrams of different sizes keep their sizes and their order")
    func mixed() throws {
        let sizes = [100, 100, 60, 100, 100, 200, 1_200, 1_200, 1, 100]
        let result = try Self.forwarded(sizes: sizes, pattern: [0], at: Self.loopback4)
        #expect(result.received[0] == Self.expected(sizes, Array(sizes.indices)))
        #expect(result.sent == 10 && result.joined == 5)
    }

    @Test("on a machine without IPv6 the same")
    func plain() throws {
        let sizes = [Int](repeating: 80, count: 8)
        let result = try Self.forwarded(
            sizes: sizes, pattern: [0, 1], at: Self.loopback4, hasIPv6: false)
        #expect(result.received[0] == Self.expected(sizes, [0, 2, 4, 6]))
        #expect(result.received[1] == Self.expected(sizes, [1, 3, 5, 7]))
    }

    @Test("what cannot be sent is counted, and the rest arrives")
    func refused() throws {
        let relay = try UDPSocket(bindingTo: Self.loopback4)
        let end = try UDPSocket(bindingTo: Self.loopback4)
        var out = SendBatch(slots: 8)
        for _ in 0..<4 {
            _ = out.reserve()
            out.commit(50, to: relay.localEndpoint)
        }
        out.flush(through: end)
        var batch = ForwardBatch()
        #expect(batch.receive(from: relay) == 4)
        // From a loopback address nothing leaves the machine.
        let nowhere = Endpoint(ipv4: 0xC000_0201, port: 9)
        batch.forward(0, to: nowhere, key: 1)
        batch.forward(1, to: nowhere, key: 1)
        batch.forward(2, to: end.localEndpoint, key: 2)
        batch.forward(3, to: end.localEndpoint, key: 2)
        batch.flush(through: relay)
        #expect(batch.refused == 2 && batch.sent == 2)
        #expect(Self.receive(from: end).count == 2)
    }

    private func loopback(_ family: Int) -> Endpoint {
        family == 6 ? Self.loopback6 : Self.loopback4
    }
}
