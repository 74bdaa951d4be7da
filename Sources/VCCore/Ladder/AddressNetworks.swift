/// A network of addresses, in the manner of RFC 4632: those whose first bits are the same.
public struct AddressNetwork: Sendable, Equatable {
    /// Bits of an address in the form in which `Endpoint` holds it.
    private static let addressBits = 128
    /// Bits in front of an IPv4 address there.
    private static let mappedBits = 96

    /// An IPv4 address is one of IPv6 in that form, and of no network of IPv6.
    private let isIPv4: Bool
    private let high: UInt64
    private let low: UInt64
    private let highMask: UInt64
    private let lowMask: UInt64

    /// The network of `address` whose first `prefix` bits are told; nil where an address has not so
    /// many (32 of IPv4, 128 of IPv6). What stands behind these bits does not matter.
    public init?(_ address: Endpoint, prefix: Int) {
        isIPv4 = address.ipv4 != nil
        let first = isIPv4 ? Self.mappedBits : 0
        guard prefix >= 0, first + prefix <= Self.addressBits else { return nil }
        let bits = first + prefix
        // A shift by 64 gives zero: Swift's shifts do not wrap.
        highMask = ~(UInt64.max >> UInt64(min(bits, 64)))
        lowMask = ~(UInt64.max >> UInt64(max(0, bits - 64)))
        high = address.high & highMask
        low = address.low & lowMask
    }

    func contains(_ endpoint: Endpoint) -> Bool {
        (endpoint.ipv4 != nil) == isIPv4 && endpoint.high & highMask == high
            && endpoint.low & lowMask == low
    }
}

/// The networks in which the person wants to meet others directly.
public struct AddressNetworks: Sendable, Equatable {
    /// It is looked through for each packet that comes directly.
    public static let maximumCount = 16

    private let networks: [AddressNetwork]

    /// Nil when there is none, or more than `maximumCount`.
    public init?(_ networks: [AddressNetwork]) {
        guard (1...Self.maximumCount).contains(networks.count) else { return nil }
        self.networks = networks
    }

    func contains(_ endpoint: Endpoint) -> Bool {
        var index = 0
        while index < networks.count {
            if networks[index].contains(endpoint) { return true }
            index += 1
        }
        return false
    }
}
