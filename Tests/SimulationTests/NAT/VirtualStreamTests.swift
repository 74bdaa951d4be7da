import Testing
import VCCore
import VCTestKit

/// TCP in the virtual network.
@Suite struct VirtualStreamTests {
    static let server = NetworkRig.server.over(.tcp)

    private func received(
        _ deliveries: [VirtualNetwork.Delivery], by host: VirtualNetwork.HostID
    ) -> [UInt8] {
        deliveries.filter { $0.host == host }.flatMap(\.bytes)
    }

    @Test("a connection opens by itself: first data after one round trip and a half")
    func opens() throws {
        let rig = NetworkRig()
        let (host, _) = rig.home(.udpBlocked, number: 1)
        let start = rig.now
        rig.send([1], from: host, to: Self.server)
        let there = try #require(rig.run(.seconds(1)).first)
        #expect(there.time - start == .milliseconds(60))
        #expect(there.source.transport == .tcp)
        #expect(there.source.hasSameAddress(as: Endpoint(ipv4: 0xCB00_7101, port: 0)))
        rig.serverSend([2], to: there.source)
        let back = try #require(rig.run(.seconds(1)).first)
        #expect(back.host == host.id && back.source == Self.server)
        let next = rig.now
        rig.send([3], from: host, to: Self.server)
        let again = try #require(rig.run(.seconds(1)).first)
        #expect(again.source == there.source && again.time - next == .milliseconds(20))
    }

    @Test("UDP blocked passes TCP; blocked passes nothing")
    func blocked() {
        for (kind, passes) in [(NATKind.udpBlocked, true), (.blocked, false)] {
            let rig = NetworkRig()
            let (host, _) = rig.home(kind, number: 1)
            rig.send([1], from: host, to: NetworkRig.server)
            rig.send([2], from: host, to: Self.server)
            #expect(received(rig.run(.seconds(10)), by: rig.serverHost) == (passes ? [2] : []))
        }
    }

    @Test("everything arrives, in order, through loss, duplicates and reordering")
    func reliable() throws {
        for seed in UInt64(1)...20 {
            let rig = NetworkRig(
                seed: seed,
                link: .init(
                    latency: .milliseconds(20), jitter: .milliseconds(10), loss: 0.2,
                    duplication: 0.1, reordering: 0.1))
            let (host, _) = rig.home(.symmetric, number: 1)
            rig.send([255], from: host, to: Self.server)
            // The first packet may have been lost: the next one follows after a second.
            let peer = try #require(rig.run(.seconds(7)).first).source
            var deliveries: [VirtualNetwork.Delivery] = []
            for index in 0..<100 {
                rig.send([UInt8(index)], from: host, to: Self.server)
                rig.serverSend([UInt8(index)], to: peer)
                deliveries += rig.run(.milliseconds(10))
            }
            deliveries += rig.run(.seconds(20))
            #expect(received(deliveries, by: rig.serverHost) == Array(0..<100), "seed \(seed)")
            #expect(received(deliveries, by: host.id) == Array(0..<100), "seed \(seed)")
        }
    }

    @Test("an outage delays, and does not lose")
    func outage() {
        let rig = NetworkRig()
        let host = rig.host(Endpoint(ipv4: 0xCB00_7105, port: 0))
        rig.send([1], from: host, to: Self.server)
        #expect(received(rig.run(.seconds(1)), by: rig.serverHost) == [1])
        rig.network.setUp(false, host.id)
        rig.network.setUp(true, host.id)
        rig.network.setPartitioned(
            true, Endpoint(ipv4: 0xCB00_7105, port: 0), NetworkRig.server.with(port: 0))
        rig.send([2], from: host, to: Self.server)
        rig.send([3], from: host, to: Self.server)
        #expect(rig.run(.seconds(5)).isEmpty)
        rig.network.setPartitioned(
            false, Endpoint(ipv4: 0xCB00_7105, port: 0), NetworkRig.server.with(port: 0))
        #expect(received(rig.run(.seconds(3)), by: rig.serverHost) == [2, 3])
    }

    @Test("a port that does not listen refuses; a server that ends resets, and a new one is called")
    func refused() throws {
        let rig = NetworkRig()
        let (host, _) = rig.home(.portRestricted, number: 1)
        rig.send([1], from: host, to: Self.server.with(port: 9))
        #expect(rig.run(.seconds(5)).isEmpty)
        #expect(rig.network.strays == [Self.server.with(port: 9): 1])
        rig.send([2], from: host, to: Self.server)
        let first = try #require(rig.run(.seconds(1)).first)
        rig.network.closeStreams(of: rig.serverHost)
        rig.serverSend([3], to: first.source)
        #expect(rig.run(.seconds(1)).isEmpty)
        rig.send([4], from: host, to: Self.server)
        let second = try #require(rig.run(.seconds(1)).first)
        #expect(second.bytes == [4] && second.source != first.source)
    }

    @Test("another address of the host: its old connections are dead, the next one opens")
    func address() throws {
        let rig = NetworkRig()
        let host = rig.host(Endpoint(ipv4: 0xCB00_7105, port: 0))
        rig.send([1], from: host, to: Self.server)
        let first = try #require(rig.run(.seconds(1)).first)
        rig.network.detach(host.id, Endpoint(ipv4: 0xCB00_7105, port: 0))
        rig.network.attach(host.id, Endpoint(ipv4: 0xCB00_7106, port: 0))
        rig.send([2], from: host, to: Self.server)
        let second = try #require(rig.run(.seconds(1)).first)
        #expect(!second.source.hasSameAddress(as: first.source) && second.bytes == [2])
        rig.serverSend([3], to: first.source)
        rig.serverSend([4], to: second.source)
        #expect(received(rig.run(.seconds(1)), by: host.id) == [4])
    }

    @Test("a symmetric NAT that forgets its flows breaks connections, and new ones open")
    func flushed() throws {
        let rig = NetworkRig()
        let (host, router) = rig.home(.symmetric, number: 1)
        rig.send([1], from: host, to: Self.server)
        let first = try #require(rig.run(.seconds(1)).first)
        rig.network[router].flush()
        rig.send([2], from: host, to: Self.server)
        #expect(rig.run(.seconds(1)).isEmpty)
        rig.send([3], from: host, to: Self.server)
        let second = try #require(rig.run(.seconds(1)).first)
        #expect(second.source != first.source && second.bytes == [3])
    }
}
