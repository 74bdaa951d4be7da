import VCCore
import VCTestKit

/// Where members are: a home with its routers, or the internet itself.
final class Site {
    /// Members behind it have these addresses.
    enum Addresses {
        /// Of the internet, one each.
        case own
        /// 192.168.n.x behind one of the router.
        case shared(number: UInt32)
    }

    let realm: VirtualNetwork.RealmID
    let addresses: Addresses
    /// What translates IPv4; nil where nothing does.
    let router: VirtualNetwork.RouterID?
    /// What stands in the way of IPv6.
    let firewall: VirtualNetwork.RouterID?
    let hasIPv4: Bool
    let hasIPv6: Bool
    /// Hosts that were put there so far.
    var hosts: UInt32 = 0

    init(
        realm: VirtualNetwork.RealmID, addresses: Addresses, router: VirtualNetwork.RouterID?,
        firewall: VirtualNetwork.RouterID? = nil, hasIPv4: Bool = true, hasIPv6: Bool = false
    ) {
        self.realm = realm
        self.addresses = addresses
        self.router = router
        self.firewall = firewall
        self.hasIPv4 = hasIPv4
        self.hasIPv6 = hasIPv6
    }
}

extension World {
    /// A home behind a NAT of its own, on the internet or behind another site's. Without a NAT it
    /// is the internet.
    mutating func addSite(
        _ behaviour: NATBehaviour, hasIPv4: Bool = true, hasIPv6: Bool = false,
        behind outer: Site? = nil
    ) -> Site {
        // The internet itself: no router takes a hop on the way.
        guard behaviour.mapping != .none else {
            return Site(
                realm: .internet, addresses: .own, router: nil, hasIPv4: hasIPv4, hasIPv6: hasIPv6)
        }
        let number = nextSite
        nextSite += 1
        let outside = outer?.realm ?? .internet
        let address = outer == nil ? 0xCB00_7200 + number : 0x6440_0000 + number
        let nat = NATRouter(
            behaviour, address: Endpoint(ipv4: address, port: 0), seed: randomSeed())
        let (router, realm) = network.addRouter(nat, in: outside)
        var firewall: VirtualNetwork.RouterID?
        if hasIPv6 {
            let filter = NATRouter(NATKind.ipv6Firewall.behaviour, seed: 0)
            firewall = network.addGateway(filter, to: realm, in: outside, isIPv6: true)
        }
        return Site(
            realm: realm, addresses: .shared(number: number), router: router,
            firewall: firewall, hasIPv4: hasIPv4, hasIPv6: hasIPv6)
    }

    /// The outside address of a site.
    func outsideAddress(of site: Site) -> Endpoint? {
        site.router.flatMap { network[$0].outsideAddress }
    }

    /// Addresses for one more host at a site.
    mutating func newAddresses(at site: Site) -> [Endpoint] {
        site.hosts += 1
        let ipv4: Endpoint
        let ipv6: Endpoint
        switch site.addresses {
        case .own:
            ownAddresses += 1
            ipv4 = Endpoint(ipv4: 0xCB00_7100 + ownAddresses, port: 0)
            ipv6 = Endpoint(high: 0x2001_0DB8_0000_0001, low: UInt64(ownAddresses), port: 0)
        case .shared(let number):
            ipv4 = Endpoint(ipv4: 0xC0A8_0000 + (number & 0xFF) << 8 + 9 + site.hosts, port: 0)
            ipv6 = Endpoint(
                high: 0x2001_0DB8_0001_0000 + UInt64(number), low: UInt64(9 + site.hosts), port: 0)
        }
        return (site.hasIPv4 ? [ipv4] : []) + (site.hasIPv6 ? [ipv6] : [])
    }
}
