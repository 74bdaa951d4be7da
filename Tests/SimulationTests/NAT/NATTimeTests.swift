import Testing
import VCCore
import VCTestKit

/// What time, hops and early probes do to a router.
@Suite struct NATTimeTests {
    typealias Rig = RouterRig
    static let mapped = Rig.outside.with(port: 40_000)

    // MARK: Lifetimes

    @Test("a flow that nobody answered lives 30 s after its last datagram")
    func oneWay() {
        var rig = Rig(.portRestricted)
        #expect(rig.send(to: Rig.peer) == Self.mapped)
        rig.wait(.seconds(20))
        #expect(rig.send(to: Rig.peer) == Self.mapped)
        rig.wait(.milliseconds(29_999))
        #expect(rig.receive(from: Rig.peer, at: Self.mapped) == Rig.member)
        rig = Rig(.portRestricted)
        _ = rig.send(to: Rig.peer)
        rig.wait(.seconds(30))
        #expect(rig.receive(from: Rig.peer, at: Self.mapped) == nil)
        #expect(rig.router.mappingCount(at: rig.now) == 0)
    }

    @Test("an answered flow lives 120 s, once it is 2 s old")
    func twoWay() {
        let rig = Rig(.portRestricted)
        _ = rig.send(to: Rig.peer)
        #expect(rig.receive(from: Rig.peer, at: Self.mapped) != nil)
        rig.wait(.seconds(30))
        #expect(rig.receive(from: Rig.peer, at: Self.mapped) == nil, "answered too early")
        _ = rig.send(to: Rig.peer)
        rig.wait(.seconds(2))
        #expect(rig.receive(from: Rig.peer, at: Self.mapped) != nil)
        rig.wait(.milliseconds(119_999))
        #expect(rig.receive(from: Rig.peer, at: Self.mapped) != nil)
        rig.wait(.seconds(120))
        #expect(rig.receive(from: Rig.peer, at: Self.mapped) == nil)
    }

    @Test("the flow to one destination does not keep the one to another open")
    func flowsAreApart() {
        let rig = Rig(.portRestricted)
        _ = rig.send(to: Rig.peer)
        for _ in 0..<4 {
            rig.wait(.seconds(10))
            #expect(rig.send(to: Rig.server) == Self.mapped, "the mapping lives on")
        }
        #expect(rig.receive(from: Rig.peer, at: Self.mapped) == nil)
        #expect(rig.receive(from: Rig.server, at: Self.mapped) == Rig.member)
    }

    @Test("an absolute lifetime ends a mapping in the middle of its traffic, the port changes")
    func absolute() throws {
        var behaviour = NATBehaviour(.endpointIndependentRandom, .addressAndPortDependent)
        behaviour.absoluteLifetime = .seconds(60)
        let rig = Rig(behaviour)
        let first = try #require(rig.send(to: Rig.peer))
        for second in 1..<60 {
            rig.wait(.seconds(1))
            #expect(rig.send(to: Rig.peer) == first, "\(second) s")
            #expect(rig.receive(from: Rig.peer, at: first) == Rig.member)
        }
        rig.wait(.seconds(1))
        #expect(rig.receive(from: Rig.peer, at: first) == nil)
        let next = try #require(rig.send(to: Rig.peer))
        #expect(next != first)
        #expect(rig.receive(from: Rig.peer, at: next) == Rig.member)
    }

    @Test("a flush closes everything; a cone then opens with the same port, a symmetric NAT not")
    func flush() throws {
        var rig = Rig(.portRestricted)
        _ = rig.send(to: Rig.peer)
        rig.router.flush()
        #expect(rig.receive(from: Rig.peer, at: Self.mapped) == nil)
        #expect(rig.send(to: Rig.peer) == Self.mapped)
        rig = Rig(.symmetric)
        let before = try #require(rig.send(to: Rig.peer))
        rig.router.flush()
        #expect(rig.receive(from: Rig.peer, at: before) == nil)
        #expect(rig.send(to: Rig.peer) != before)
    }

    @Test("another outside address: the old one is dead, the next datagram comes from the new one")
    func address() {
        let rig = Rig(.fullCone)
        _ = rig.send(to: Rig.peer)
        let fresh = Endpoint(ipv4: 0xCB00_7199, port: 0)
        rig.router.changeAddress(to: fresh)
        #expect(rig.receive(from: Rig.peer, at: Self.mapped) == nil)
        #expect(rig.send(to: Rig.peer) == fresh.with(port: 40_000))
        #expect(rig.receive(from: Rig.server, at: fresh.with(port: 40_000)) == Rig.member)
    }

    // MARK: Port mapping protocols

    @Test(
        "a mapped port lets everybody in for ever and is what its member sends from",
        arguments: [NATKind.portRestricted, .symmetric])
    func mappedPort(_ kind: NATKind) {
        let rig = Rig(kind)
        let port = Rig.outside.with(port: 7_000)
        rig.router.mapPort(7_000, to: Rig.member)
        #expect(rig.receive(from: Rig.peer, at: port) == Rig.member)
        #expect(rig.send(to: Rig.server) == port && rig.send(to: Rig.peer) == port)
        #expect(rig.send(from: Rig.sibling, to: Rig.peer) != port)
        rig.wait(.seconds(10_000))
        rig.router.flush()
        #expect(rig.receive(from: Rig.peer, at: port) == Rig.member)
        rig.router.restart()
        #expect(rig.receive(from: Rig.peer, at: port) == nil)
    }

    @Test("nobody else gets a port that was mapped")
    func mappedPortIsTaken() {
        let rig = Rig(.portRestricted)
        rig.router.mapPort(40_000, to: Rig.member)
        let sibling = rig.send(from: Rig.sibling, to: Rig.peer)
        #expect(sibling != nil && sibling != Self.mapped)
    }

    // MARK: Hops

    @Test("the last hop: what dies at the own NAT opens nothing, what dies behind it does")
    func hopsOutward() {
        let rig = Rig(.portRestricted)
        #expect(rig.send(to: Rig.peer, hops: 1) == nil)
        #expect(rig.router.drops == [.hops: 1] && rig.router.mappingCount(at: rig.now) == 0)
        #expect(rig.send(to: Rig.peer, hops: 2) == Self.mapped)
        #expect(rig.receive(from: Rig.peer, at: Self.mapped) == Rig.member)
    }

    @Test("a datagram on its last hop does not come in")
    func hopsInward() {
        let rig = Rig(.fullCone)
        _ = rig.send(to: Rig.peer)
        #expect(rig.receive(from: Rig.peer, at: Self.mapped, hops: 1) == nil)
        #expect(rig.receive(from: Rig.peer, at: Self.mapped, hops: 2) == Rig.member)
    }

    // MARK: The early probe

    @Test("a probe that comes too early costs the port for 30 s, where the WAN side accepts")
    func clash() throws {
        let rig = Rig(.portRestrictedAcceptingWAN)
        #expect(rig.send(to: Rig.server) == Self.mapped)
        #expect(rig.receive(from: Rig.peer, at: Self.mapped) == nil)
        let remapped = try #require(rig.send(to: Rig.peer))
        #expect(remapped != Self.mapped)
        #expect(rig.receive(from: Rig.peer, at: Self.mapped) == nil, "and stays lost")
        #expect(rig.receive(from: Rig.peer, at: remapped) == Rig.member)
        #expect(rig.send(to: Rig.server) == Self.mapped, "others see no difference")
        #expect(rig.send(to: Rig.peer.with(port: 1)) == Self.mapped)
        rig.wait(.milliseconds(29_999))
        #expect(rig.send(to: Rig.peer) == remapped, "a flow keeps what it has")
        rig.wait(.seconds(120))
        #expect(rig.send(to: Rig.peer) == Self.mapped)
        #expect(rig.receive(from: Rig.peer, at: Self.mapped) == Rig.member)
    }

    @Test("each early probe makes the router remember for 30 s more")
    func clashGoesOn() {
        var rig = Rig(.portRestrictedAcceptingWAN)
        for _ in 0..<5 {
            #expect(rig.receive(from: Rig.peer, at: Self.mapped) == nil)
            rig.wait(.seconds(29))
        }
        #expect(rig.send(to: Rig.peer) != Self.mapped)
        rig = Rig(.portRestrictedAcceptingWAN)
        #expect(rig.receive(from: Rig.peer, at: Self.mapped) == nil)
        rig.wait(.seconds(30))
        #expect(rig.send(to: Rig.peer) == Self.mapped)
    }

    @Test("a router that drops on its WAN side keeps no memory of early probes")
    func noClash() {
        let rig = Rig(.portRestricted)
        _ = rig.send(to: Rig.server)
        #expect(rig.receive(from: Rig.peer, at: Self.mapped) == nil)
        #expect(rig.send(to: Rig.peer) == Self.mapped)
    }

    @Test("two such routers: bare probes never meet, after a first one of two hops they do")
    func priming() {
        for primes in [false, true] {
            var routers = [
                NATRouter(
                    NATKind.portRestrictedAcceptingWAN.behaviour, address: Rig.outside, seed: 1),
                NATRouter(
                    NATKind.portRestrictedAcceptingWAN.behaviour, address: Rig.peer, seed: 2),
            ]
            let insides = [Rig.member, Rig.sibling.with(port: 50_000)]
            let outsides = [Self.mapped, Rig.peer]
            /// What side 0 or 1 sends to where the other one ought to be; whether it arrives.
            func probe(from side: Int, hops: UInt8, at now: Instant) -> Bool {
                let packet = Packet(
                    [1], from: insides[side], to: outsides[1 - side], hops: hops)
                guard
                    case .forwarded(var sent, .outside) = routers[side].forward(
                        packet, from: .inside, now: now)
                else { return false }
                // The internet between the two.
                guard sent.hops > 1 else { return false }
                sent.hops -= 1
                guard
                    case .forwarded(let arrived, .inside) = routers[1 - side].forward(
                        sent, from: .outside, now: now)
                else { return false }
                return arrived.destination == insides[1 - side]
            }
            var now = Instant(nanoseconds: 1)
            if primes {
                for side in 0...1 { #expect(!probe(from: side, hops: 2, at: now)) }
                now = now + .milliseconds(50)
            }
            var arrived = 0
            for _ in 0..<5 {
                for side in 0...1 where probe(from: side, hops: 64, at: now) { arrived += 1 }
                now = now + .milliseconds(100)
            }
            #expect(arrived == (primes ? 10 : 0))
        }
    }
}
