import Testing
import VCCore

@testable import VCSignaling

@Suite struct RelayResolverTests {
    @Test("a relay whose name is a loopback address here is told to no member")
    func loopback() {
        let own = Endpoint(ipv4: 0x7F00_0101, port: 4_461)
        let outside = Endpoint(ipv4: 0xCB00_7105, port: 4_461)
        let found = [own, outside]
        #expect(RelayResolver.reachable(found, as: "vps.example.org") == [outside])
        #expect(RelayResolver.reachable([own], as: "vps.example.org:4461").isEmpty)
        for name in ["localhost", "localhost:5000", "127.0.1.1", "127.0.1.1:4461", "[::1]"] {
            #expect(RelayResolver.reachable(found, as: name) == found, "\(name)")
        }
    }
}
