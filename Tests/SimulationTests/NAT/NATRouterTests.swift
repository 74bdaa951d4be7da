import Testing
import VCCore
import VCTestKit

/// A router and what is around it, for tests of the router alone.
final class RouterRig {
    static let member = Endpoint(ipv4: 0xC0A8_010A, port: 40_000)  // 192.168.1.10
    static let sibling = Endpoint(ipv4: 0xC0A8_010B, port: 40_000)
    static let outside = Endpoint(ipv4: 0xCB00_7101, port: 0)  // 203.0.113.1
    static let server = Endpoint(ipv4: 0xC633_6401, port: 4_460)  // 198.51.100.1
    static let peer = Endpoint(ipv4: 0xCB00_7202, port: 50_000)  // 203.0.114.2

    var router: NATRouter
    var now = Instant(nanoseconds: 1_000_000_000)

    init(_ behaviour: NATBehaviour, seed: UInt64 = 1) {
        let address = behaviour.mapping == .none ? nil : Self.outside
        router = NATRouter(behaviour, address: address, seed: seed)
    }

    convenience init(_ kind: NATKind, seed: UInt64 = 1) {
        self.init(kind.behaviour, seed: seed)
    }

    /// The source that the outside sees, or nil.
    func send(
        from inside: Endpoint = RouterRig.member, to remote: Endpoint, hops: UInt8 = 64
    ) -> Endpoint? {
        let packet = Packet([1], from: inside, to: remote, hops: hops)
        guard case .forwarded(let out, .outside) = router.forward(packet, from: .inside, now: now)
        else { return nil }
        #expect(out.destination == remote && out.bytes == [1] && out.hops == hops - 1)
        return out.source
    }

    /// The inside endpoint that gets a datagram, or nil.
    func receive(
        from remote: Endpoint, at outside: Endpoint, hops: UInt8 = 64
    ) -> Endpoint? {
        let packet = Packet([2], from: remote, to: outside, hops: hops)
        guard case .forwarded(let out, .inside) = router.forward(packet, from: .outside, now: now)
        else { return nil }
        #expect(out.source == remote && out.hops == hops - 1)
        return out.destination
    }

    func wait(_ duration: Duration) { now = now + duration }
}

@Suite struct NATRouterTests {
    typealias Rig = RouterRig
    static let cones: [NATKind] = [.fullCone, .addressRestricted, .portRestricted]

    // MARK: Mapping

    @Test("cones keep the port, and have one for all destinations", arguments: cones)
    func cone(_ kind: NATKind) {
        let rig = Rig(kind)
        let seen = Rig.outside.with(port: 40_000)
        #expect(rig.send(to: Rig.server) == seen)
        #expect(rig.send(to: Rig.peer) == seen)
        #expect(rig.send(to: Rig.server.with(port: 3_478)) == seen)
        #expect(rig.router.mappingCount(at: rig.now) == 1)
    }

    @Test("a second member with the same port gets another one, also one for all", arguments: cones)
    func taken(_ kind: NATKind) throws {
        let rig = Rig(kind)
        #expect(rig.send(to: Rig.server)?.port == 40_000)
        let second = try #require(rig.send(from: Rig.sibling, to: Rig.server))
        #expect(second.port != 40_000 && second.hasSameAddress(as: Rig.outside))
        #expect(rig.send(from: Rig.sibling, to: Rig.peer) == second)
        #expect(rig.receive(from: Rig.server, at: second) == Rig.sibling)
        #expect(rig.receive(from: Rig.server, at: Rig.outside.with(port: 40_000)) == Rig.member)
    }

    @Test("a Linux router lends one port to two members as long as the destinations differ")
    func linuxSiblings() throws {
        let rig = Rig(.portRestrictedAcceptingWAN)
        #expect(rig.send(to: Rig.server)?.port == 40_000)
        #expect(rig.send(from: Rig.sibling, to: Rig.peer)?.port == 40_000)
        let second = try #require(rig.send(from: Rig.sibling, to: Rig.server))
        #expect(second.port != 40_000)
        #expect(rig.receive(from: Rig.peer, at: Rig.outside.with(port: 40_000)) == Rig.sibling)
        #expect(rig.receive(from: Rig.server, at: Rig.outside.with(port: 40_000)) == Rig.member)
        #expect(rig.receive(from: Rig.server, at: second) == Rig.sibling)
    }

    @Test("a symmetric NAT has a random port for each destination, also for each port of one")
    func symmetric() throws {
        let rig = Rig(.symmetric)
        let destinations = [Rig.server, Rig.server.with(port: 3_478), Rig.peer]
        let seen = try destinations.map { try #require(rig.send(to: $0)) }
        #expect(Set(seen).count == 3 && !seen.contains { $0.port == 40_000 })
        for (destination, endpoint) in zip(destinations, seen) {
            #expect(rig.send(to: destination) == endpoint, "and keeps it")
            #expect(rig.receive(from: destination, at: endpoint) == Rig.member)
            for other in destinations where other != destination {
                #expect(rig.receive(from: other, at: endpoint) == nil)
            }
        }
    }

    @Test("seeds decide the random ports")
    func seeds() {
        func ports(_ seed: UInt64) -> [UInt16?] {
            let rig = Rig(.symmetric, seed: seed)
            return (0..<4).map { rig.send(to: Rig.peer.with(port: 2_000 + $0))?.port }
        }
        #expect(ports(1) == ports(1) && ports(1) != ports(2))
    }

    // MARK: Filtering

    @Test("who may come in: everybody, known addresses, or known endpoints")
    func filtering() throws {
        let asked = Rig.server
        let otherPort = Rig.server.with(port: 9)
        let cases: [(NATKind, [Bool])] = [
            (.fullCone, [true, true, true]), (.addressRestricted, [true, true, false]),
            (.portRestricted, [true, false, false]),
            (.portRestrictedAcceptingWAN, [true, false, false]),
            (.symmetric, [true, false, false]),
        ]
        for (kind, expected) in cases {
            let rig = Rig(kind)
            let seen = try #require(rig.send(to: asked))
            let passed = [asked, otherPort, Rig.peer].map {
                rig.receive(from: $0, at: seen) == Rig.member
            }
            #expect(passed == expected, "\(kind)")
            #expect(rig.receive(from: asked, at: seen.with(port: seen.port ^ 1)) == nil, "\(kind)")
        }
    }

    @Test("what came into a full cone unasked is no licence for more behind other filters")
    func noLicence() throws {
        let rig = Rig(.addressRestricted)
        let seen = try #require(rig.send(to: Rig.server))
        #expect(rig.receive(from: Rig.peer, at: seen) == nil)
        #expect(rig.receive(from: Rig.peer, at: seen) == nil)
        #expect(rig.router.drops[.filtered] == 2)
    }

    @Test("an open router changes nothing and stops nothing")
    func open() {
        let rig = Rig(.open)
        let member = Endpoint(ipv4: 0xCB00_7305, port: 40_000)
        #expect(rig.receive(from: Rig.peer, at: member) == member)
        #expect(rig.send(from: member, to: Rig.peer) == member)
    }

    @Test("an IPv6 firewall changes no address, and lets in answers only")
    func firewall() {
        let rig = Rig(.ipv6Firewall)
        let member = Endpoint(high: 0x2001_0DB8_0001_0000, low: 0x10, port: 40_000)
        let peer = Endpoint(high: 0x2001_0DB8_0002_0000, low: 0x20, port: 50_000)
        #expect(rig.receive(from: peer, at: member) == nil)
        #expect(rig.send(from: member, to: peer) == member)
        #expect(rig.receive(from: peer, at: member) == member)
        #expect(rig.receive(from: peer.with(port: 1), at: member) == nil)
        #expect(rig.receive(from: peer, at: member.with(port: 1)) == nil)
        rig.wait(.seconds(31))
        #expect(rig.receive(from: peer, at: member) == nil)
    }

    @Test("UDP blocked: TCP passes both ways; blocked: nothing does")
    func blocked() throws {
        var rig = Rig(.udpBlocked)
        #expect(rig.send(to: Rig.server) == nil && rig.router.drops == [.blocked: 1])
        let seen = try #require(rig.send(from: Rig.member.over(.tcp), to: Rig.server.over(.tcp)))
        #expect(seen.transport == .tcp)
        #expect(rig.receive(from: Rig.server.over(.tcp), at: seen) == Rig.member.over(.tcp))
        #expect(rig.receive(from: Rig.server, at: seen.over(.udp)) == nil)
        rig = Rig(.blocked)
        #expect(rig.send(to: Rig.server) == nil)
        #expect(rig.send(from: Rig.member.over(.tcp), to: Rig.server.over(.tcp)) == nil)
    }

    @Test("from inside to the outside address: dropped, unless the router turns it around")
    func hairpin() throws {
        var rig = Rig(.fullCone)
        let seen = try #require(rig.send(to: Rig.server))
        #expect(rig.send(from: Rig.sibling, to: seen) == nil)
        #expect(rig.router.drops == [.hairpin: 1])
        var behaviour = NATKind.fullCone.behaviour
        behaviour.hairpins = true
        rig = Rig(behaviour)
        _ = rig.send(to: Rig.server)
        let packet = Packet([3], from: Rig.sibling, to: seen)
        let verdict = rig.router.forward(packet, from: .inside, now: rig.now)
        guard case .forwarded(let turned, .inside) = verdict else {
            Issue.record("\(verdict)")
            return
        }
        #expect(turned.destination == Rig.member)
        #expect(turned.source.hasSameAddress(as: Rig.outside) && turned.source != seen)
    }
}
