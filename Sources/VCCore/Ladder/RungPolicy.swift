/// Which rungs the person allows.
public struct RungPolicy: Equatable, Sendable {
    /// Off: our addresses are told to nobody, and nobody's are tried.
    public var allowsDirect: Bool
    /// The host may forward between two others; of a host: it does.
    public var allowsHost: Bool
    public var allowsRelay: Bool
    /// Many ports against a NAT that maps each destination to another one.
    public var allowsBirthday: Bool
    /// Where others may be met directly; nil: everywhere. Relays forward from wherever they are, a
    /// host that is met directly.
    public var allowed: AddressNetworks?

    /// All of them.
    public init(
        allowsDirect: Bool = true, allowsHost: Bool = true, allowsRelay: Bool = true,
        allowsBirthday: Bool = true
    ) {
        self.allowsDirect = allowsDirect
        self.allowsHost = allowsHost
        self.allowsRelay = allowsRelay
        self.allowsBirthday = allowsBirthday
    }

    /// Whether what comes straight from there is looked at.
    func admits(_ endpoint: Endpoint) -> Bool { allowed?.contains(endpoint) ?? true }
}
