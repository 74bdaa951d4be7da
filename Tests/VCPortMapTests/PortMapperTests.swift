import Glibc
import Testing
import VCCore
import VCNet
import VCTestKit

@testable import VCPortMap

@Suite struct PortMapperTests {
    private static let externalAddress: UInt32 = 0xCB00_7109
    private static let port: UInt16 = 41_234

    /// With times that a test can wait for. The UPnP search goes to loopback, where nobody is
    /// unless the test made one.
    private static func configuration(gateway: UInt32) -> PortMapper.Configuration {
        var configuration = PortMapper.Configuration()
        configuration.gateway = gateway
        configuration.interface = "127.0.0.1"
        configuration.searchMilliseconds = 50
        configuration.shortestRenewal = .milliseconds(200)
        configuration.retry = .milliseconds(300)
        return configuration
    }

    @Test("NAT-PMP maps the port for two hours, renews at half, and deletes it on leaving")
    func natPMP() throws {
        let router = try #require(NATPMPRouter(address: 0x7F51_0001))
        router.change { $0.lifetime = 1 }
        let told = Told()
        let mapper = try PortMapper(
            port: Self.port, configuration: Self.configuration(gateway: router.address)
        ) { told.note($0) }
        #expect(eventually { router.requests.count >= 3 })
        mapper.stop()
        let mapping = PortMapping(
            external: Endpoint(ipv4: Self.externalAddress, port: Self.port), method: .natPMP,
            lifetime: .seconds(1))
        #expect(told.all == [mapping], "renewing the same is no news")
        let requests = router.requests
        #expect(requests.dropLast().allSatisfy { $0 == .init(port: Self.port, seconds: 7_200) })
        #expect(requests.last == .init(port: Self.port, seconds: 0))
    }

    @Test("a router that grants another port, or forgets the mapping, is believed")
    func otherPort() throws {
        let router = try #require(NATPMPRouter(address: 0x7F51_0002))
        router.change {
            $0.lifetime = 1
            $0.otherPort = 9_999
        }
        let told = Told()
        let mapper = try PortMapper(
            port: Self.port, configuration: Self.configuration(gateway: router.address)
        ) { told.note($0) }
        #expect(eventually { told.all.count == 1 })
        router.change { $0.otherPort = 9_998 }
        #expect(eventually { told.all.count == 2 })
        router.change { $0.result = 3 }
        #expect(eventually { told.all.count == 3 })
        mapper.stop()
        #expect(told.all.map { $0?.external.port } == [9_999, 9_998, nil])
    }

    @Test("a mapping through which nothing came is deleted and made anew, once a minute at most")
    func remap() throws {
        let router = try #require(NATPMPRouter(address: 0x7F51_0003))
        let mapper = try PortMapper(
            port: Self.port, configuration: Self.configuration(gateway: router.address)
        ) { _ in }
        #expect(eventually { router.requests.count == 1 })
        mapper.mappingFailed()
        #expect(eventually { router.requests.count == 3 })
        mapper.mappingFailed()
        mapper.networkChanged()
        #expect(eventually { router.requests.count == 4 })
        mapper.stop()
        #expect(router.requests.map(\.seconds) == [7_200, 0, 7_200, 7_200, 0])
    }

    @Test("a router without an outside address, or none at all, maps nothing, and is asked again")
    func nothing() throws {
        let router = try #require(NATPMPRouter(address: 0x7F51_0004))
        router.change { $0.externalAddress = 0 }
        let told = Told()
        let mapper = try PortMapper(
            port: Self.port, configuration: Self.configuration(gateway: router.address)
        ) { told.note($0) }
        usleep(100_000)
        #expect(told.all.isEmpty)
        router.change { $0.externalAddress = Self.externalAddress }
        #expect(eventually { told.all.count == 1 })
        mapper.stop()

        let start = MonotonicClock.now
        var client = try NATPMPClient(gateway: 0x7F51_00FF)
        #expect(throws: PortMapError.noAnswer(.natPMP)) {
            try client.map(port: Self.port, seconds: 60)
        }
        #expect(MonotonicClock.now - start < .seconds(1))
    }

    @Test("who leaves while nobody answers does not wait long")
    func stopIsQuick() throws {
        let mapper = try PortMapper(
            port: Self.port, configuration: Self.configuration(gateway: 0x7F51_00FE)
        ) { _ in }
        let start = MonotonicClock.now
        mapper.stop()
        #expect(MonotonicClock.now - start < .milliseconds(1_500))
    }

    @Test(
        "where nobody speaks NAT-PMP, UPnP maps the port, also when the number is taken",
        .enabled(if: NetworkNamespace.isPermitted, "needs root"),
        arguments: [false, true])
    func upnp(isTaken: Bool) throws {
        try NetworkNamespace.run {
            var behaviour = UPnPRouter.Behaviour()
            if isTaken { behaviour.takenPorts = [Self.port] }
            let router = try #require(UPnPRouter(behaviour))
            let told = Told()
            let mapper = try PortMapper(
                port: Self.port, configuration: Self.configuration(gateway: 0x7F00_0001)
            ) { told.note($0) }
            #expect(eventually { told.all.count == 1 })
            mapper.stop()
            let mapping = try #require(told.all.first ?? nil)
            #expect(mapping.method == .upnp)
            #expect(mapping.external.ipv4 == Self.externalAddress)
            #expect((mapping.external.port == Self.port) == !isTaken)
            let actions = router.actions
            #expect(actions.count == (isTaken ? 3 : 2))
            let added = try #require(actions.last { $0.name == "AddPortMapping" })
            #expect(
                added.fields == [
                    "NewExternalPort": "\(mapping.external.port)", "NewProtocol": "UDP",
                    "NewInternalPort": "\(Self.port)", "NewInternalClient": "127.0.0.1",
                    "NewLeaseDuration": "7200",
                ])
            #expect(actions.last?.name == "DeletePortMapping")
            #expect(actions.last?.fields["NewExternalPort"] == "\(mapping.external.port)")
        }
    }

    @Test(
        "without a way out nothing is searched, and the library writes nothing",
        .enabled(if: NetworkNamespace.isPermitted, "needs root"))
    func noRoute() throws {
        try NetworkNamespace.run {
            let start = MonotonicClock.now
            var client = try UPnPClient()
            #expect(throws: PortMapError.noAnswer(.upnp)) {
                try client.map(port: Self.port, seconds: 7_200)
            }
            // Searching takes a second for each kind of question.
            #expect(MonotonicClock.now - start < .seconds(1))
        }
    }

    @Test(
        "a gateway that cannot be reached costs no descriptor",
        .enabled(if: NetworkNamespace.isPermitted, "needs root"))
    func descriptors() throws {
        try NetworkNamespace.run {
            var client = try NATPMPClient(gateway: 0xC000_0201)
            for _ in 0..<10 {
                #expect(throws: PortMapError.noAnswer(.natPMP)) {
                    try client.map(port: Self.port, seconds: 7_200)
                }
            }
            // Not those of the process: other tests have theirs meanwhile.
            let left = try Self.socketsHere()
            #expect(left == 0)
        }
    }

    /// How many UDP sockets the network namespace of this thread has.
    private static func socketsHere() throws -> Int {
        let file = try #require(fopen("/proc/thread-self/net/udp", "r"))
        defer { fclose(file) }
        var line = [CChar](repeating: 0, count: 512)
        var lines = 0
        while fgets(&line, Int32(line.count), file) != nil { lines += 1 }
        // The first one is a heading.
        return lines - 1
    }

    @Test(
        "a router that knows only mappings without an end gives one",
        .enabled(if: NetworkNamespace.isPermitted, "needs root"))
    func permanent() throws {
        try NetworkNamespace.run {
            var behaviour = UPnPRouter.Behaviour()
            behaviour.knowsOnlyPermanent = true
            let router = try #require(UPnPRouter(behaviour))
            var client = try UPnPClient(interface: "127.0.0.1", searchMilliseconds: 50)
            let mapping = try client.map(port: Self.port, seconds: 7_200)
            #expect(mapping.lifetime == nil)
            #expect(router.actions.map { $0.fields["NewLeaseDuration"] } == ["7200", "0"])
        }
    }
}
