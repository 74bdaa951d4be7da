import VCCore
import VCTestKit

// Relays: where they are, and what happens to them.
extension World {
    /// The addresses of the relay with a number: 198.51.100.11 and so on, and IPv6.
    static func relayAddresses(_ number: Int) -> [Endpoint] {
        [
            Endpoint(ipv4: 0xC633_640B + UInt32(number), port: RelayProcess.port),
            Endpoint(
                high: 0x2001_0DB8_0000_0000, low: 11 + UInt64(number), port: RelayProcess.port),
        ]
    }

    mutating func addRelay(_ number: Int) {
        let addresses = World.relayAddresses(number)
        let process = RelayProcess(
            seed: randomSeed(), addresses: addresses, verifyKey: verifyKey, now: now)
        let relay = addServer(process, at: addresses[0], tcpPorts: [RelayProcess.port])
        network.attach(relay.host, addresses[1])
        relays.append(relay)
    }

    /// The relay that the voice of a node for a member goes to.
    func relay(of node: Node, to member: UInt8) -> ServerHost? {
        guard let destination = node.voiceDestinations[member] else { return nil }
        return relays.first { relay in
            network.addresses(of: relay.host).contains { $0.hasSameAddress(as: destination) }
        }
    }

    /// The process of a relay ends without a word.
    mutating func kill(_ relay: ServerHost) {
        relay.isUp = false
        network.closeStreams(of: relay.host)
        network.setUp(false, relay.host)
    }

    /// The operator asks a relay to stop.
    func drain(_ relay: ServerHost) {
        (relay.process as? RelayProcess)?.drain(now: now)
        relay.touch()
    }

    /// Nothing of a relay reaches a site any more, while everything of the site reaches the relay.
    mutating func blackHole(from relay: ServerHost, to node: Node) {
        let outside = outsideAddress(of: node.site) ?? node.endpoint
        for address in network.addresses(of: relay.host) {
            network.links.setCut(true, from: address, to: outside.with(port: 0))
        }
    }

    /// What the way between two members does from now on, both directions.
    mutating func setLink(_ link: VirtualNetwork.Link, between one: Node, _ other: Node) {
        let ends = [one, other].map { (outsideAddress(of: $0.site) ?? $0.endpoint).with(port: 0) }
        network.links.setLink(link, from: ends[0], to: ends[1])
        network.links.setLink(link, from: ends[1], to: ends[0])
    }
}
