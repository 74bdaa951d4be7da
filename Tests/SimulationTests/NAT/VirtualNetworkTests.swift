import Testing
import VCCore
import VCTestKit

/// A server, and hosts at places of all kinds.
final class NetworkRig {
    typealias Host = (id: VirtualNetwork.HostID, port: UInt16)
    static let server = Endpoint(ipv4: 0xC633_6401, port: 4_460)  // 198.51.100.1
    static let server6 = Endpoint(high: 0x2001_0DB8_0000_0000, low: 1, port: 4_460)

    var network: VirtualNetwork
    var now = Instant(nanoseconds: 1_000_000_000)
    let serverHost: VirtualNetwork.HostID

    init(seed: UInt64 = 1, link: VirtualNetwork.Link = .init(latency: .milliseconds(20))) {
        network = VirtualNetwork(seed: seed, link: link)
        serverHost = network.addHost(udpPorts: [4_460], tcpPorts: [4_460])
        network.attach(serverHost, NetworkRig.server)
        network.attach(serverHost, NetworkRig.server6)
    }

    /// A host with one address.
    func host(
        _ address: Endpoint, in realm: VirtualNetwork.RealmID = .internet
    ) -> Host {
        let id = network.addHost(udpPorts: [40_000])
        network.attach(id, address, in: realm)
        return (id, 40_000)
    }

    /// A home with a router, and one host in it.
    func home(_ kind: NATKind, number: UInt32) -> (Host, VirtualNetwork.RouterID) {
        let outside = Endpoint(ipv4: 0xCB00_7100 + number, port: 0)
        let nat = NATRouter(kind.behaviour, address: outside, seed: UInt64(number))
        let (router, realm) = network.addRouter(nat)
        return (host(Endpoint(ipv4: 0xC0A8_000A, port: 0), in: realm), router)
    }

    func send(
        _ bytes: [UInt8], from host: Host, to destination: Endpoint, hops: UInt8? = nil
    ) {
        network.send(
            bytes, from: host.id, port: host.port, to: destination, hops: hops, now: now)
    }

    func serverSend(_ bytes: [UInt8], to destination: Endpoint) {
        network.send(bytes, from: serverHost, port: 4_460, to: destination, now: now)
    }

    /// All that arrives within a time.
    func run(_ duration: Duration) -> [VirtualNetwork.Delivery] {
        let end = now + duration
        var deliveries: [VirtualNetwork.Delivery] = []
        while let next = network.nextEvent, next <= end {
            now = max(now, next)
            while let delivery = network.popDelivery(now: now) { deliveries.append(delivery) }
        }
        now = end
        return deliveries
    }

    /// What the server sees a host as.
    func observe(_ host: Host) -> Endpoint? {
        send([0], from: host, to: NetworkRig.server)
        return run(.seconds(1)).first { $0.host == serverHost }?.source
    }
}

@Suite struct VirtualNetworkTests {
    @Test("through a NAT to the server and back: addresses as each side should see them")
    func roundTrip() throws {
        let rig = NetworkRig()
        let (host, _) = rig.home(.portRestricted, number: 1)
        rig.send([1, 2], from: host, to: NetworkRig.server)
        let there = rig.run(.milliseconds(100))
        #expect(there.map(\.bytes) == [[1, 2]] && there.first?.host == rig.serverHost)
        let seen = try #require(there.first?.source)
        #expect(seen == Endpoint(ipv4: 0xCB00_7101, port: 40_000))
        rig.serverSend([3], to: seen)
        let back = rig.run(.milliseconds(100))
        #expect(back.first?.host == host.id && back.first?.source == NetworkRig.server)
        #expect(back.first?.destination == Endpoint(ipv4: 0xC0A8_000A, port: 40_000))
    }

    @Test("the internet takes its time, a home none worth mentioning")
    func latency() {
        let rig = NetworkRig()
        let outside = Endpoint(ipv4: 0xCB00_7101, port: 0)
        let (_, realm) = rig.network.addRouter(
            NATRouter(NATKind.fullCone.behaviour, address: outside, seed: 1))
        let one = rig.host(Endpoint(ipv4: 0xC0A8_000A, port: 0), in: realm)
        let other = rig.host(Endpoint(ipv4: 0xC0A8_000B, port: 0), in: realm)
        let start = rig.now
        rig.send([1], from: one, to: Endpoint(ipv4: 0xC0A8_000B, port: 40_000))
        rig.send([2], from: one, to: NetworkRig.server)
        let deliveries = rig.run(.seconds(1))
        #expect(deliveries.map(\.host) == [other.id, rig.serverHost])
        #expect(deliveries[0].time - start < .milliseconds(1))
        #expect(deliveries[1].time - start == .milliseconds(20))
    }

    @Test("homes have the same private addresses, and no packet finds the wrong one")
    func privateAddresses() {
        let rig = NetworkRig()
        let (one, _) = rig.home(.fullCone, number: 1)
        let (other, _) = rig.home(.fullCone, number: 2)
        #expect(rig.network.addresses(of: one.id) == rig.network.addresses(of: other.id))
        rig.send([1], from: one, to: Endpoint(ipv4: 0xC0A8_000B, port: 40_000))
        #expect(rig.run(.seconds(1)).isEmpty)
        #expect(rig.network.strays == [Endpoint(ipv4: 0xC0A8_000B, port: 40_000): 1])
    }

    @Test("a port nobody listens on is a stray")
    func closedPort() {
        let rig = NetworkRig()
        let host = rig.host(Endpoint(ipv4: 0xCB00_7105, port: 0))
        rig.send([1], from: host, to: NetworkRig.server.with(port: 9))
        #expect(rig.run(.seconds(1)).isEmpty)
        #expect(rig.network.strays == [NetworkRig.server.with(port: 9): 1])
    }

    @Test("two hops: through the own NAT and no further; none of the other NAT hears of it")
    func hops() throws {
        let rig = NetworkRig()
        let (one, first) = rig.home(.portRestrictedAcceptingWAN, number: 1)
        let (other, second) = rig.home(.portRestrictedAcceptingWAN, number: 2)
        let (a, b) = (rig.observe(one), rig.observe(other))
        let (oneSeen, otherSeen) = (try #require(a), try #require(b))
        rig.send([1], from: one, to: otherSeen, hops: 2)
        #expect(rig.run(.seconds(1)).isEmpty && rig.network.expired == 1)
        #expect(rig.network[first].mappingCount(at: rig.now) == 2)
        #expect(rig.network[second].drops.isEmpty)
        // So the way back stands open on this side, and the other side has opened its own.
        rig.send([2], from: other, to: oneSeen)
        rig.send([3], from: one, to: otherSeen)
        #expect(Set(rig.run(.seconds(1)).map(\.bytes)) == [[2], [3]])
    }

    @Test("two hops from a host with an address of its own reach the other NAT, and end there")
    func hopsFromOpen() {
        let rig = NetworkRig()
        let open = rig.host(Endpoint(ipv4: 0xCB00_7105, port: 0))
        let (_, router) = rig.home(.fullCone, number: 1)
        rig.send([1], from: open, to: Endpoint(ipv4: 0xCB00_7101, port: 40_000), hops: 2)
        #expect(rig.run(.seconds(1)).isEmpty && rig.network.expired == 0)
        #expect(rig.network[router].drops == [.noMapping: 1])
    }

    @Test("double NAT: the server sees the outer one, and both must let an answer in")
    func doubleNAT() throws {
        let rig = NetworkRig()
        let carrier = NATRouter(
            NATKind.portRestricted.behaviour, address: Endpoint(ipv4: 0xCB00_7101, port: 0),
            seed: 1)
        let (_, shared) = rig.network.addRouter(carrier)
        var members: [NetworkRig.Host] = []
        for number in UInt32(1)...2 {
            let home = NATRouter(
                NATKind.portRestricted.behaviour,
                address: Endpoint(ipv4: 0x6440_0000 + number, port: 0), seed: UInt64(number))
            let (_, realm) = rig.network.addRouter(home, in: shared)
            members.append(rig.host(Endpoint(ipv4: 0xC0A8_000A, port: 0), in: realm))
        }
        let (first, second) = (rig.observe(members[0]), rig.observe(members[1]))
        let (one, other) = (try #require(first), try #require(second))
        #expect(one.hasSameAddress(as: other) && one != other)
        rig.serverSend([1], to: one)
        #expect(rig.run(.seconds(1)).map(\.host) == [members[0].id])
        // No way around at the carrier.
        rig.send([2], from: members[0], to: other)
        rig.send([3], from: members[1], to: one)
        #expect(rig.run(.seconds(1)).isEmpty)
        rig.send([4], from: members[0], to: Endpoint(ipv4: 0x6440_0002, port: 40_000))
        #expect(rig.run(.seconds(1)).isEmpty, "nobody was asked for it")
    }

    @Test("IPv4 behind a NAT and IPv6 behind a firewall at once")
    func dualStack() {
        let rig = NetworkRig()
        let (_, realm) = rig.network.addRouter(
            NATRouter(
                NATKind.symmetric.behaviour, address: Endpoint(ipv4: 0xCB00_7101, port: 0), seed: 1)
        )
        let firewall = rig.network.addGateway(
            NATRouter(NATKind.ipv6Firewall.behaviour, seed: 2), to: realm, isIPv6: true)
        let address = Endpoint(high: 0x2001_0DB8_0001_0000, low: 0x10, port: 0)
        let host = rig.host(Endpoint(ipv4: 0xC0A8_000A, port: 0), in: realm)
        rig.network.attach(host.id, address, in: realm)
        rig.serverSend([1], to: address.with(port: 40_000))
        #expect(rig.run(.seconds(1)).isEmpty)
        #expect(rig.network[firewall].drops == [.noMapping: 1])
        rig.send([2], from: host, to: NetworkRig.server6)
        #expect(rig.run(.seconds(1)).map(\.source) == [address.with(port: 40_000)])
        rig.serverSend([3], to: address.with(port: 40_000))
        #expect(rig.run(.seconds(1)).map(\.host) == [host.id])
        #expect(rig.observe(host)?.hasSameAddress(as: Endpoint(ipv4: 0xCB00_7101, port: 0)) == true)
    }

    @Test("another address of a host, of a router; a cable that is pulled")
    func changes() {
        let rig = NetworkRig()
        let open = rig.host(Endpoint(ipv4: 0xCB00_7105, port: 0))
        rig.network.detach(open.id, Endpoint(ipv4: 0xCB00_7105, port: 0))
        #expect(rig.observe(open) == nil)
        rig.network.attach(open.id, Endpoint(ipv4: 0xCB00_7106, port: 0))
        #expect(rig.observe(open) == Endpoint(ipv4: 0xCB00_7106, port: 40_000))
        rig.serverSend([1], to: Endpoint(ipv4: 0xCB00_7105, port: 40_000))
        #expect(rig.run(.seconds(1)).isEmpty)
        let (host, router) = rig.home(.portRestricted, number: 1)
        #expect(rig.observe(host) == Endpoint(ipv4: 0xCB00_7101, port: 40_000))
        rig.network.changeAddress(of: router, to: Endpoint(ipv4: 0xCB00_7102, port: 0))
        rig.serverSend([1], to: Endpoint(ipv4: 0xCB00_7101, port: 40_000))
        #expect(rig.run(.seconds(1)).isEmpty)
        #expect(rig.observe(host) == Endpoint(ipv4: 0xCB00_7102, port: 40_000))
        rig.network.setUp(false, host.id)
        #expect(rig.observe(host) == nil)
        rig.serverSend([1], to: Endpoint(ipv4: 0xCB00_7102, port: 40_000))
        #expect(rig.run(.seconds(1)).isEmpty)
        rig.network.setUp(true, host.id)
        #expect(rig.observe(host) != nil)
    }

    @Test("one-way holes and drops by size, for all ports of an address")
    func holes() {
        let rig = NetworkRig()
        let host = rig.host(Endpoint(ipv4: 0xCB00_7105, port: 0))
        let (address, server) = (Endpoint(ipv4: 0xCB00_7105, port: 0), NetworkRig.server)
        rig.network.links.setCut(true, from: address, to: server.with(port: 0))
        #expect(rig.observe(host) == nil)
        rig.serverSend([1], to: address.with(port: 40_000))
        #expect(rig.run(.seconds(1)).count == 1)
        rig.network.links.setCut(false, from: address, to: server.with(port: 0))
        rig.network.links.setLink(
            .init(latency: .milliseconds(20), largest: 90), from: address,
            to: server.with(port: 0))
        rig.send(.init(repeating: 1, count: 91), from: host, to: server)
        rig.send(.init(repeating: 1, count: 90), from: host, to: server)
        #expect(rig.run(.seconds(1)).map(\.bytes.count) == [90])
    }

    @Test("the same seed gives the same trace, another seed another one")
    func determinism() {
        func trace(_ seed: UInt64) -> UInt64 {
            let rig = NetworkRig(
                seed: seed,
                link: .init(
                    latency: .milliseconds(20), jitter: .milliseconds(9), loss: 0.2,
                    duplication: 0.1, reordering: 0.1))
            let (host, _) = rig.home(.symmetric, number: 1)
            for index in 0..<100 {
                rig.send([UInt8(index)], from: host, to: NetworkRig.server)
                rig.send([UInt8(index)], from: host, to: NetworkRig.server.over(.tcp))
                _ = rig.run(.milliseconds(10))
            }
            _ = rig.run(.seconds(60))
            return rig.network.trace
        }
        #expect(trace(1) == trace(1) && trace(1) != trace(2))
    }
}
