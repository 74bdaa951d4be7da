public import VCCore

// Hosts, routers and cables.
extension VirtualNetwork {
    /// A host that listens on ports.
    public mutating func addHost(udpPorts: Set<UInt16> = [], tcpPorts: Set<UInt16> = []) -> HostID {
        hosts.append(Host(udpPorts: udpPorts, tcpPorts: tcpPorts))
        return HostID(index: hosts.count - 1)
    }

    /// A router with a network of its own behind it, as that one's way out.
    public mutating func addRouter(
        _ nat: NATRouter, in outside: RealmID = .internet, isIPv6: Bool = false
    ) -> (router: RouterID, inside: RealmID) {
        realms.append(Realm())
        let inside = RealmID(index: realms.count - 1)
        return (addGateway(nat, to: inside, in: outside, isIPv6: isIPv6), inside)
    }

    /// One more way out of a network, for addresses of one family.
    public mutating func addGateway(
        _ nat: NATRouter, to inside: RealmID, in outside: RealmID = .internet, isIPv6: Bool
    ) -> RouterID {
        let router = routers.count
        routers.append(Router(nat: nat, inside: inside.index, outside: outside.index))
        if isIPv6 {
            realms[inside.index].gateway6 = router
        } else {
            realms[inside.index].gateway4 = router
        }
        if let address = nat.outsideAddress { publish(address, of: router) }
        return RouterID(index: router)
    }

    /// A router, to flush it, map ports or read its counters.
    public subscript(router: RouterID) -> NATRouter {
        get { routers[router.index].nat }
        set {
            precondition(newValue.outsideAddress == routers[router.index].nat.outsideAddress)
            routers[router.index].nat = newValue
        }
    }

    /// The provider gives a router another address.
    public mutating func changeAddress(of router: RouterID, to address: Endpoint) {
        let index = router.index
        if let old = routers[index].nat.outsideAddress {
            realms[routers[index].outside].attachments[old] = nil
        }
        routers[index].nat.changeAddress(to: address)
        publish(address.address, of: index)
    }

    private mutating func publish(_ address: Endpoint, of router: Int) {
        let realm = routers[router].outside
        precondition(realms[realm].attachments[address] == nil, "\(address) is taken")
        realms[realm].attachments[address] = .router(router)
    }

    /// Gives a host an address in a network. The first of a family leads everywhere.
    public mutating func attach(_ host: HostID, _ address: Endpoint, in realm: RealmID = .internet)
    {
        let address = address.address
        hosts[host.index].interfaces.append(Interface(address: address, realm: realm.index))
        for (index, attachment) in way(to: address, of: host.index, in: realm.index) {
            precondition(realms[index].attachments[address] == nil, "\(address) is taken")
            realms[index].attachments[address] = attachment
        }
    }

    /// Takes an address from a host.
    public mutating func detach(_ host: HostID, _ address: Endpoint) {
        let address = address.address
        guard let index = hosts[host.index].interfaces.firstIndex(where: { $0.address == address })
        else { return }
        let interface = hosts[host.index].interfaces.remove(at: index)
        for (realm, _) in way(to: address, of: host.index, in: interface.realm) {
            realms[realm].attachments[address] = nil
        }
    }

    /// Who has an address in its realm, and in all outside it as far as it is not translated.
    private func way(
        to address: Endpoint, of host: Int, in realm: Int
    ) -> [(realm: Int, Attachment)] {
        var way: [(Int, Attachment)] = [(realm, .host(host))]
        var realm = realm
        while let gateway = address.ipv4 == nil
            ? realms[realm].gateway6 : realms[realm].gateway4,
            routers[gateway].nat.outsideAddress == nil
        {
            realm = routers[gateway].outside
            way.append((realm, .router(gateway)))
        }
        return way
    }

    /// The addresses of a host.
    public func addresses(of host: HostID) -> [Endpoint] {
        hosts[host.index].interfaces.map(\.address)
    }

    /// Pulls or plugs in all cables of a host. Connections stay, and wait.
    public mutating func setUp(_ isUp: Bool, _ host: HostID) {
        hosts[host.index].isUp = isUp
    }

    /// Lets a host listen on another UDP port.
    public mutating func rebind(_ host: HostID, from old: UInt16, to new: UInt16) {
        hosts[host.index].udpPorts.remove(old)
        hosts[host.index].udpPorts.insert(new)
    }

    /// Lets a host listen on one more UDP port.
    public mutating func open(_ port: UInt16, at host: HostID) {
        hosts[host.index].udpPorts.insert(port)
    }

    /// Nothing of a UDP port reaches a host any more.
    public mutating func close(_ port: UInt16, at host: HostID) {
        hosts[host.index].udpPorts.remove(port)
    }

    /// Cuts or joins two endpoints in the internet, both ways. What is on the way still arrives.
    public mutating func setPartitioned(_ isCut: Bool, _ one: Endpoint, _ other: Endpoint) {
        links.setCut(isCut, from: one, to: other)
        links.setCut(isCut, from: other, to: one)
    }

    /// Loses everything that is sent into the internet from `start` until `end`, between two
    /// endpoints or, without `pair`, everywhere.
    public mutating func addBlackout(
        from start: Instant, until end: Instant, between pair: (Endpoint, Endpoint)? = nil
    ) {
        links.addBlackout(from: start, until: end, between: pair)
    }
}
