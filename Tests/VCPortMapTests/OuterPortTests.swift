import Testing
import VCCore
import VCTestKit

@testable import VCPortMap

/// A router where our number is taken, so that the outer port is a random one, and who maps there.
@Suite(
    "The outer port that was got once",
    .enabled(if: NetworkNamespace.isPermitted, "needs root"))
struct OuterPortTests {
    private static let port: UInt16 = 41_234
    private static let localAddress: UInt32 = 0x0A09_0002

    private static func router(address: UInt32 = 0x7F00_0001) throws -> UPnPRouter {
        var behaviour = UPnPRouter.Behaviour()
        behaviour.takenPorts = [port]
        return try #require(UPnPRouter(behaviour, address: address))
    }

    /// A mapper that has its mapping, and the outer port.
    private static func mapper(
        at router: UPnPRouter, interface: String? = "127.0.0.1"
    ) throws -> (mapper: PortMapper, told: Told, outer: String) {
        var configuration = PortMapper.Configuration()
        // Nobody speaks NAT-PMP there.
        configuration.gateway = 0x7F00_0001
        configuration.interface = interface
        configuration.searchMilliseconds = 50
        configuration.retry = .milliseconds(300)
        let told = Told()
        let mapper = try PortMapper(port: port, configuration: configuration) { told.note($0) }
        #expect(eventually { told.all.count == 1 })
        let mapping = try #require(told.all.first ?? nil)
        #expect(router.actions.map(\.name) == ["AddPortMapping", "AddPortMapping"])
        return (mapper, told, "\(mapping.external.port)")
    }

    /// A network with a way out, for the namespace of this thread.
    private static func makeNetwork() throws {
        for command in [
            "link add lan0 type veth peer name lan1", "link set lan0 up", "link set lan1 up",
            "addr add 10.9.0.2/24 dev lan0", "route add default via 10.9.0.1",
        ] {
            try NetworkNamespace.ip(command)
        }
    }

    @Test("is kept when the network says something, and given back on leaving right then")
    func networkChanged() throws {
        try NetworkNamespace.run {
            let router = try Self.router()
            let (mapper, told, outer) = try Self.mapper(at: router)
            let findings = router.findings
            mapper.networkChanged()
            #expect(eventually { router.actions.count == 3 })
            mapper.networkChanged()
            mapper.stop()
            #expect(eventually { router.actions.last?.name == "DeletePortMapping" })
            #expect(router.ports.dropFirst().allSatisfy { $0 == outer })
            #expect(router.findings == findings, "it was not searched for again")
            #expect(told.all.count == 1)
        }
    }

    @Test("is asked for again when the mapping is made anew")
    func remap() throws {
        try NetworkNamespace.run {
            let router = try Self.router()
            let (mapper, told, outer) = try Self.mapper(at: router)
            mapper.mappingFailed()
            #expect(eventually { router.actions.count == 4 })
            mapper.stop()
            #expect(eventually { router.actions.count == 5 })
            #expect(router.ports.dropFirst().allSatisfy { $0 == outer })
            let names = ["Add", "Add", "Delete", "Add", "Delete"].map { "\($0)PortMapping" }
            #expect(router.actions.map(\.name) == names)
            #expect(told.all.count == 1)
        }
    }

    @Test("is wished for in another network, where the router is searched for again")
    func otherNetwork() throws {
        try NetworkNamespace.run {
            try Self.makeNetwork()
            let router = try Self.router(address: Self.localAddress)
            let (mapper, _, outer) = try Self.mapper(at: router, interface: nil)
            let findings = router.findings
            mapper.networkChanged()
            #expect(eventually { router.actions.count == 3 })
            #expect(router.findings == findings)
            try NetworkNamespace.ip("addr add 10.9.0.3/24 dev lan0")
            try NetworkNamespace.ip("route replace default via 10.9.0.1 dev lan0 src 10.9.0.3")
            mapper.networkChanged()
            #expect(eventually { router.actions.count == 4 })
            #expect(router.findings > findings)
            mapper.stop()
            #expect(eventually { router.actions.last?.name == "DeletePortMapping" })
            #expect(router.ports.dropFirst().allSatisfy { $0 == outer })
        }
    }

    @Test("stays as it is while there is no way out: the library would write that it cannot send")
    func noRoute() throws {
        try NetworkNamespace.run {
            try Self.makeNetwork()
            let router = try Self.router(address: Self.localAddress)
            var client = try UPnPClient(searchMilliseconds: 50)
            let mapping = try client.map(port: Self.port, seconds: 7_200)
            #expect(router.actions.count == 2)
            // The router could still be reached: that nobody asks it shows that nothing is sent.
            try NetworkNamespace.ip("route del default")
            #expect(throws: PortMapError.noAnswer(.upnp)) {
                try client.map(port: Self.port, seconds: 7_200)
            }
            client.unmap(port: Self.port)
            #expect(router.actions.count == 2)
            try NetworkNamespace.ip("route add default via 10.9.0.1")
            client.unmap(port: Self.port)
            #expect(router.actions.last?.name == "DeletePortMapping")
            let again = try client.map(port: Self.port, seconds: 7_200)
            #expect(again == mapping)
        }
    }
}
