internal import VCCore

extension Endpoint {
    /// The IPv4 address behind an address of the well-known prefix 64:ff9b::/96 (RFC 6052): how a
    /// client in a network of IPv6 only reaches an IPv4 relay. Any other address as it is.
    var withoutTranslation: Endpoint {
        guard high == 0x0064_FF9B << 32, low >> 32 == 0 else { return self }
        return Endpoint(ipv4: UInt32(truncatingIfNeeded: low), port: port)
    }
}
