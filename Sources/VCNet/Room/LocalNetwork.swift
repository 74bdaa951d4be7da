public import VCCore

/// What the network thread asks about this machine when its addresses may have changed.
public protocol LocalNetwork: Sendable {
    /// Where others may reach `port` of this machine, and the addresses that tell who is near.
    func addresses(port: UInt16) -> (candidates: [Endpoint], local: LocalAddresses)
    /// Whether another port may be taken: not where the person named one.
    var mayChangePort: Bool { get }
}
