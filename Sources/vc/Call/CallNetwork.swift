internal import VCCore
internal import VCNet

/// This machine's addresses, as a call uses them.
struct CallNetwork: LocalNetwork {
    /// Loopback counts where the server is on this machine, and where there is nothing else.
    let includesLoopback: Bool
    let mayChangePort: Bool

    var addresses: [Endpoint] {
        let others = (try? Interfaces.addresses())?.map(\.endpoint) ?? []
        guard includesLoopback || others.isEmpty else { return others }
        let all = (try? Interfaces.addresses(includingLoopback: true))?.map(\.endpoint) ?? []
        return all.filter { !others.contains($0) } + others
    }

    func local(_ addresses: [Endpoint]) -> LocalAddresses {
        LocalAddresses(
            addresses: addresses, allowsLoopback: addresses.contains { $0.isLoopback })
    }

    func addresses(port: UInt16) -> (candidates: [Endpoint], local: LocalAddresses) {
        let addresses = addresses
        return (addresses.map { $0.with(port: port) }, local(addresses))
    }
}
