import Testing

@testable import VCCore

@Suite struct CandidateTests {
    private func v4(_ a: UInt32, _ b: UInt32, _ c: UInt32, _ d: UInt32, _ port: UInt16 = 5_000)
        -> Endpoint
    {
        Endpoint(ipv4: a << 24 | b << 16 | c << 8 | d, port: port)
    }

    private func v6(_ high: UInt64, _ low: UInt64, _ port: UInt16 = 5_000) -> Endpoint {
        Endpoint(high: high, low: low, port: port)
    }

    private func accepted(
        _ offered: [Endpoint], from local: [Endpoint] = [], loopback: Bool = false
    )
        -> [Endpoint]
    {
        CandidateList(
            accepting: offered,
            local: LocalAddresses(addresses: local, allowsLoopback: loopback)
        ).endpoints
    }

    @Test("public addresses with a port from 1,024 on are taken, others by their rule")
    func ports() {
        #expect(accepted([v4(203, 0, 113, 1, 1_024)]) == [v4(203, 0, 113, 1, 1_024)])
        for port in [0, 22, 53, 443, 1_023] as [UInt16] {
            #expect(accepted([v4(203, 0, 113, 1, port)]).isEmpty)
        }
        #expect(accepted([v6(0x2001_0DB8_0000_0001, 9)]).count == 1)
    }

    @Test("nobody's addresses are refused: unspecified, 0/8, multicast, reserved, broadcast")
    func never() {
        let nobody = [
            v4(0, 0, 0, 0), v4(0, 1, 2, 3), v4(224, 0, 0, 1), v4(239, 255, 255, 250),
            v4(240, 0, 0, 1), v4(255, 255, 255, 255), v6(0, 0), v6(0, 7), v6(0xFF02 << 48, 1),
            v6(0xFF0E << 48, 1), v6(0xFEC0 << 48, 1),
        ]
        #expect(accepted(nobody, from: nobody, loopback: true).isEmpty)
    }

    @Test("loopback is refused unless this machine meets the others through it")
    func loopback() {
        let loops = [v4(127, 0, 0, 1), v6(0, 1)]
        #expect(accepted(loops, from: loops).isEmpty)
        #expect(accepted(loops, loopback: true) == loops)
    }

    @Test("an address inside a site is taken from the same /16 or /64 only")
    func site() {
        let own = [v4(192, 168, 1, 2), v4(10, 5, 0, 1), v6(0xFD00_0000_0000_0001, 1)]
        let near = [v4(192, 168, 77, 9), v4(10, 5, 9, 9), v6(0xFD00_0000_0000_0001, 77)]
        let far = [
            v4(10, 6, 0, 1), v4(172, 16, 0, 1), v4(172, 31, 9, 9), v4(169, 254, 3, 3),
            v4(100, 64, 0, 1), v4(100, 127, 255, 1), v6(0xFD00_0000_0000_0002, 1),
            v6(0xFC00_0000_0000_0001, 1), v6(0xFE80_0000_0000_0000, 1),
        ]
        #expect(accepted(near, from: own) == near)
        for endpoint in far { #expect(accepted([endpoint], from: own).isEmpty, "\(endpoint)") }
        #expect(accepted([v4(172, 32, 0, 1), v4(100, 128, 0, 1)], from: own).count == 2)
        // A private IPv4 address is no neighbour of an IPv6 one.
        #expect(accepted([v4(192, 168, 0, 1)], from: [v6(0, 0xFFFF_0000_0000)]).isEmpty)
    }

    @Test("at most eight candidates, four addresses, two ports of each; none twice")
    func counts() {
        let ports = (0..<6).map { v4(203, 0, 113, 1, 5_000 + $0) }
        #expect(accepted(ports) == Array(ports[..<2]))
        let addresses = (1...8).map { v4(203, 0, 113, $0) }
        #expect(accepted(addresses) == Array(addresses[..<4]))
        let both = (1...8).flatMap { [v4(203, 0, 113, $0), v4(203, 0, 113, $0, 5_001)] }
        #expect(accepted(both) == Array(both[..<8]))
        #expect(accepted([ports[0], ports[0], ports[0]]) == [ports[0]])
        // What is refused takes no place.
        #expect(accepted((0..<20).map { v4(127, 0, 0, $0) } + addresses).count == 4)
    }

    @Test("a list is encoded and decoded, and a longer one is refused")
    func codec() throws {
        let list = (1...8).map { v4(203, 0, 113, $0) }
        let bytes = [UInt8](capacity: 256) { CandidateList.encode(list + list, into: &$0) }
        #expect(bytes.count == 1 + 8 * 18)
        var reader = ByteReader(bytes.span.bytes)
        #expect(try CandidateList.decode(&reader) == list)
        var long = bytes
        long[0] = 9
        long += [UInt8](repeating: 1, count: 18)
        #expect(throws: DecodeError.tooLong) {
            var reader = ByteReader(long.span.bytes)
            _ = try CandidateList.decode(&reader)
        }
        for size in 0..<bytes.count {
            #expect(throws: DecodeError.truncated) {
                var reader = ByteReader(bytes.span.bytes.extracting(0..<size))
                _ = try CandidateList.decode(&reader)
            }
        }
    }
}
