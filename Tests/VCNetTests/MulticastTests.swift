import Foundation
import Testing
import VCCore
import VCTestKit

@testable import VCNet

@Suite("Multicast in the networks of this machine")
struct MulticastTests {
    private static let question = [UInt8](capacity: DiscoveryFormat.querySize) {
        DiscoveryQuery(transaction: 5, nameplate: 7).encode(into: &$0)
    }

    private static func entry(
        _ name: String, _ endpoint: Endpoint, _ length: Int, multicast: Bool = true
    ) -> InterfaceEntry {
        InterfaceEntry(
            name: name, endpoint: endpoint, prefixLength: length, isLoopback: name == "lo",
            hasMulticast: multicast)
    }

    /// How many datagrams come to a group within a moment, and where from.
    private static func heard(_ socket: borrowing MulticastSocket) throws -> [Endpoint] {
        var batch = ReceiveBatch(slots: 16, readsDestinations: true)
        var sources: [Endpoint] = []
        var poller = try Poller()
        try poller.add(socket.descriptorNumber, token: 1)
        while try poller.wait(until: MonotonicClock.now + .milliseconds(100)) > 0 {
            for index in 0..<socket.receive(into: &batch) {
                if DiscoveryFormat.isGroup(batch.destination(index)) {
                    sources.append(batch.source(index))
                }
            }
        }
        return sources
    }

    @Test("links are those that are up, without bridges to containers; what is on them is known")
    func links() throws {
        let own = Endpoint(ipv4: 0xC0A8_0114, port: 0)
        let container = Endpoint(ipv4: 0xAC11_0001, port: 0)
        let tunnel = Endpoint(ipv4: 0x0A00_0001, port: 0)
        let loopback = Endpoint(ipv4: 0x7F00_0001, port: 0)
        // Only names that the kernel knows have a number.
        let entries = [
            Self.entry("lo", loopback, 8), Self.entry("docker0", container, 16),
            Self.entry("eth9", own, 24), Self.entry("tun9", tunnel, 24, multicast: false),
        ]
        let links = LocalLinks(entries) { $0 == "docker0" }
        #expect(links.links.map(\.name).contains("lo"))
        #expect(!links.links.map(\.name).contains("docker0"))
        #expect(links.prefixes.contains(Endpoint(ipv4: 0xC0A8_0177, port: 9)))
        #expect(!links.prefixes.contains(Endpoint(ipv4: 0xAC11_0002, port: 9)))
        #expect(!links.prefixes.contains(Endpoint(ipv4: 0x0A00_0002, port: 9)))
    }

    @Test("every socket on the port hears a question, also on loopback alone")
    func loopback() throws {
        guard NetworkNamespace.isPermitted else { return }
        try NetworkNamespace.run {
            let links = LocalLinks.current
            #expect(links.links.map(\.name) == ["lo"])
            var first = try MulticastSocket(hearingAt: DiscoveryFormat.port)
            var second = try MulticastSocket(hearingAt: DiscoveryFormat.port)
            first.join(links)
            second.join(links)
            var asking = try MulticastSocket(hearingAt: nil)
            let sent = asking.ask(Self.question.span.bytes, on: links)
            #expect(sent == 1)
            let counts = [try Self.heard(first).count, try Self.heard(second).count]
            #expect(counts == [1, 1])
        }
    }

    @Test("a question goes out on each link by both families, and a link that comes is joined")
    func changes() throws {
        guard NetworkNamespace.isPermitted else { return }
        try NetworkNamespace.run {
            var hearing = try MulticastSocket(hearingAt: DiscoveryFormat.port)
            let lonely = hearing.join(LocalLinks.current)
            #expect(lonely == 1)
            try NetworkNamespace.ip("link add wan0 type veth peer name wan1")
            for number in 0...1 {
                try NetworkNamespace.ip("link set wan\(number) addrgenmode none")
                try NetworkNamespace.ip("link set wan\(number) up")
                try NetworkNamespace.ip("addr add 10.0.\(number).1/24 dev wan\(number)")
                try NetworkNamespace.ip("addr add fe80::\(number + 1)/64 dev wan\(number) nodad")
            }
            let links = LocalLinks.current
            #expect(links.links.map(\.name) == ["lo", "wan0", "wan1"])
            let joined = hearing.join(links)
            #expect(joined == 3)
            var asking = try MulticastSocket(hearingAt: nil)
            let sent = asking.ask(Self.question.span.bytes, on: links)
            #expect(sent == 5)
            let sources = try Self.heard(hearing)
            // What goes out of one end of the cable comes in at the other one, too.
            #expect(sources.count >= 5)
            let addresses = Set(sources.map(\.addressDescription))
            #expect(
                addresses == ["127.0.0.1", "10.0.0.1", "10.0.1.1", "fe80::1", "fe80::2"])
            try NetworkNamespace.ip("link del wan0")
            let left = hearing.join(LocalLinks.current)
            #expect(left == 1)
        }
    }

    @Test("what is sent to this machine alone is no question")
    func unicast() throws {
        guard NetworkNamespace.isPermitted else { return }
        try NetworkNamespace.run {
            var hearing = try MulticastSocket(hearingAt: DiscoveryFormat.port)
            hearing.join(LocalLinks.current)
            let sender = try UDPSocket()
            var batch = SendBatch(slots: 1)
            let memory = batch.reserve()
            try #require(memory).copyBytes(from: Self.question)
            batch.commit(
                Self.question.count, to: Endpoint(ipv4: 0x7F00_0001, port: DiscoveryFormat.port))
            batch.flush(through: sender)
            #expect(batch.sent == 1)
            let sources = try Self.heard(hearing)
            #expect(sources.isEmpty)
        }
    }
}
