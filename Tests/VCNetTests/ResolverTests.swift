import Testing
import VCCore

@testable import VCNet

@Suite struct ResolverTests {
    @Test("every form of host and port is understood, everything else refused")
    func forms() {
        #expect(HostPort("vc.example") == HostPort(host: "vc.example", port: nil))
        #expect(HostPort("vc.example:99") == HostPort(host: "vc.example", port: 99))
        #expect(HostPort("[::1]:99") == HostPort(host: "::1", port: 99))
        #expect(HostPort("[::1]") == HostPort(host: "::1", port: nil))
        #expect(HostPort("2001:db8::7") == HostPort(host: "2001:db8::7", port: nil))
        for text in ["", ":1", "a:", "a:65536", "a:+1", "[::1", "[::1]x", "[a]:1", "a b", "ü:1"] {
            #expect(HostPort(text) == nil, "\(text)")
        }
    }

    @Test("numeric addresses resolve without a name server")
    func numeric() throws {
        #expect(
            try Resolver.resolve("127.0.0.1", defaultPort: 4460)
                == [Endpoint(ipv4: 0x7F00_0001, port: 4460)])
        #expect(
            try Resolver.resolve("[::1]:7", defaultPort: 4460)
                == [Endpoint(high: 0, low: 1, port: 7)])
        #expect(throws: ResolveError.malformed("a:b")) {
            try Resolver.resolve("a:b", defaultPort: 1)
        }
        #expect(throws: ResolveError.self) {
            try Resolver.resolve("no-such-host.invalid", defaultPort: 1)
        }
    }

    @Test("a listening address is a port, or an address and a port")
    func listen() throws {
        #expect(try Resolver.listenEndpoint("4460") == .anyAddress(port: 4460))
        #expect(
            try Resolver.listenEndpoint("127.0.0.1:0") == Endpoint(ipv4: 0x7F00_0001, port: 0))
        #expect(try Resolver.listenEndpoint("[::1]:5") == Endpoint(high: 0, low: 1, port: 5))
        for text in ["", "x", "127.0.0.1", "localhost:4460", "70000"] {
            #expect(throws: ResolveError.self, "\(text)") { try Resolver.listenEndpoint(text) }
        }
    }

    @Test("the clock goes on and the generator does not repeat itself")
    func clockAndRandom() {
        let earlier = MonotonicClock.now
        #expect(MonotonicClock.now >= earlier)
        var random = SystemRandom()
        #expect(random.next(UInt64.self) != random.next(UInt64.self))
    }
}
