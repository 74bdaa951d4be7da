import Testing
import VCTestKit

@testable import VCCore

@Suite("Allowed networks") struct AllowedNetworksTests {
    private func ipv4(_ text: String, port: UInt16 = 5_000) -> Endpoint {
        let bytes = text.split(separator: ".").compactMap { UInt32($0) }
        return Endpoint(ipv4: bytes.reduce(0) { $0 << 8 | $1 }, port: port)
    }

    private func networks(_ list: [(Endpoint, Int)]) throws -> AddressNetworks {
        let networks = try list.map { try #require(AddressNetwork($0.0, prefix: $0.1)) }
        return try #require(AddressNetworks(networks))
    }

    @Test("a network is its first bits, of either family")
    func contains() throws {
        let document = Endpoint(high: 0x2001_0DB8_0000_0000, low: 7, port: 1)
        let some = try networks([(ipv4("192.168.7.9"), 16), (ipv4("10.0.0.1"), 32), (document, 33)])
        for address in ["192.168.0.0", "192.168.255.255", "10.0.0.1"] {
            #expect(some.contains(ipv4(address)), "\(address)")
        }
        for address in ["192.169.0.0", "192.167.255.255", "10.0.0.2", "10.0.0.0", "0.0.0.0"] {
            #expect(!some.contains(ipv4(address)), "\(address)")
        }
        #expect(some.contains(Endpoint(high: 0x2001_0DB8_7FFF_FFFF, low: .max, port: 2)))
        #expect(!some.contains(Endpoint(high: 0x2001_0DB8_8000_0000, low: 0, port: 2)))
        // All of one family is nothing of the other one.
        #expect(try networks([(ipv4("0.0.0.0"), 0)]).contains(ipv4("203.0.113.1")))
        #expect(try !networks([(ipv4("0.0.0.0"), 0)]).contains(document))
        let allOfIPv6 = try networks([(Endpoint(high: 0, low: 0, port: 1), 0)])
        #expect(allOfIPv6.contains(document) && !allOfIPv6.contains(ipv4("203.0.113.1")))
        #expect(try networks([(document, 128)]).contains(document.with(port: 9)))
        #expect(
            try !networks([(document, 128)]).contains(
                Endpoint(high: document.high, low: 6, port: 1)))
        #expect(
            try networks([(document, 64)]).contains(Endpoint(high: document.high, low: 6, port: 1)))
    }

    @Test("an address has only so many bits, and a list so many networks")
    func limits() throws {
        #expect(AddressNetwork(ipv4("10.0.0.0"), prefix: 33) == nil)
        #expect(AddressNetwork(ipv4("10.0.0.0"), prefix: -1) == nil)
        #expect(AddressNetwork(Endpoint(high: 1, low: 0, port: 0), prefix: 129) == nil)
        let one = try #require(AddressNetwork(ipv4("10.0.0.0"), prefix: 8))
        #expect(AddressNetworks([]) == nil)
        #expect(AddressNetworks([AddressNetwork](repeating: one, count: 17)) == nil)
    }

    /// A pair of which the host allows one network; the joiner is at 203.0.113.2.
    private func pair(_ address: String, _ prefix: Int) throws -> JoinedPair {
        let allowed = try networks([(ipv4(address), prefix)])
        return try JoinedPair(isRelayed: true, arena: try #require(SecretArena())) {
            $1.rungs = RungPolicy()
            if $0 == .host { $1.rungs.allowed = allowed }
        }
    }

    @Test("who is in an allowed network is met directly")
    func admitted() throws {
        let pair = try pair("203.0.113.0", 24)
        pair.run(for: .seconds(5))
        #expect(pair.host.connection(of: 2)?.route?.rung == .direct)
        #expect(pair.host.counters.unadmitted == 0)
    }

    @Test("nobody else is: neither asked where it says that it is, nor answered, nor heard")
    func refused() throws {
        let pair = try pair("198.51.100.0", 24)
        var direct = 0
        pair.losesTo = { side, _ in
            if side == .joiner { direct += 1 }
            return false
        }
        pair.run(for: .seconds(30))
        #expect(pair.host.connection(of: 2)?.route?.rung == .relay)
        #expect(pair.joiner.connection(of: 1)?.route?.rung == .relay)
        // The joiner tries, and never hears from there.
        #expect(pair.host.counters.unadmitted > 0)
        #expect(direct == 0, "datagrams of the host straight to the joiner")
        // Which the joiner cannot know.
        let reasons = (why(pair.host, 2, pair.now), why(pair.joiner, 1, pair.now))
        #expect(reasons.0 == "you allow direct paths in some networks only")
        #expect(reasons.1 == "no direct path answers")
    }

    private func why(_ machine: borrowing RoomMachine, _ number: Int, _ now: Instant) -> String? {
        machine.connection(of: UInt8(number))?.route.map {
            machine.reason(of: $0, to: number, now: now)
        }
    }

    @Test("and why the call takes another way is said")
    func reason() {
        var isFiltered = false
        func sentence() -> String {
            PathReason(
                route: .relay(ipv4("198.51.100.2")), policy: RungPolicy(),
                local: LocalAddresses(addresses: [], allowsLoopback: false),
                ownMapping: .independent, peerMapping: .independent, peerHides: false,
                isFiltered: isFiltered,
                hasTried: true, directFailed: false, host: DisplayText(name: "ana")
            ).sentence
        }
        #expect(sentence() == "no direct path answers")
        isFiltered = true
        #expect(sentence() == "you allow direct paths in some networks only")
    }

    @Test("and voice that comes straight from there is not opened")
    func voice() throws {
        let pair = try pair("198.51.100.0", 24)
        pair.run(for: .seconds(5))
        let before = pair.host.counters
        let packet = UnsafeMutableRawBufferPointer.allocate(
            byteCount: Limits.datagram, alignment: 16)
        defer { packet.deallocate() }
        let header = VoiceHeader(flags: 1, sequence: 7, timestamp: 480, level: 20)
        let frame = [UInt8](repeating: 3, count: 60)
        var heard = 0
        func say() -> Bool {
            frame.withUnsafeBytes { bytes in
                pair.send(header, bytes, from: .joiner, through: packet) { _ in heard += 1 }
            }
        }
        // Through the relay it arrives.
        #expect(say() && heard == 1)
        #expect(pair.host.counters.unadmitted == before.unadmitted)
        let sealed = [UInt8](repeating: PacketType.sealed, count: 64)
        var copy = sealed
        copy.withUnsafeMutableBytes { bytes in
            let arrival = pair.host.receive(bytes, from: ipv4("203.0.113.2"), now: pair.now)
            #expect(arrival == nil)
        }
        #expect(pair.host.counters.unadmitted == before.unadmitted + 1)
        #expect(pair.host.counters.unopened == before.unopened)
    }
}
