internal import CVCLinux
internal import Glibc
public import VCCore

/// `Endpoint` to and from the kernel's socket addresses. IPv4 travels in its mapped form through
/// a dual-stack socket, and as sockaddr_in where the machine has no IPv6.
extension Endpoint {
    /// Every address of this machine, IPv6 and IPv4.
    public static func anyAddress(port: UInt16) -> Endpoint {
        Endpoint(high: 0, low: 0, port: port)
    }

    /// Whether this is `::`.
    public var isAnyAddress: Bool { high == 0 && low == 0 }

    /// As sockaddr_in6; IPv4 mapped.
    var socketAddress6: sockaddr_in6 {
        var address = sockaddr_in6()
        address.sin6_family = sa_family_t(AF_INET6)
        address.sin6_port = port.bigEndian
        address.sin6_scope_id = scope
        var words = (high.bigEndian, low.bigEndian)
        unsafe withUnsafeMutableBytes(of: &address.sin6_addr) { target in
            unsafe withUnsafeBytes(of: &words) { unsafe target.copyMemory(from: $0) }
        }
        return address
    }

    /// As sockaddr_in, or nil for an IPv6 address; `::` becomes 0.0.0.0.
    var socketAddress4: sockaddr_in? {
        guard let value = isAnyAddress ? 0 : ipv4 else { return nil }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = value.bigEndian
        return address
    }

    init(_ address: sockaddr_in6) {
        var copy = address.sin6_addr
        let words = unsafe withUnsafeBytes(of: &copy) {
            unsafe (
                $0.loadUnaligned(as: UInt64.self),
                $0.loadUnaligned(fromByteOffset: 8, as: UInt64.self)
            )
        }
        let high = UInt64(bigEndian: words.0)
        // The kernel names an interface for link-local addresses only (RFC 4007 section 6).
        let isLinkLocal = high >> 54 == 0xFE80 >> 6
        self.init(
            high: high, low: UInt64(bigEndian: words.1),
            port: UInt16(bigEndian: address.sin6_port),
            scope: isLinkLocal ? address.sin6_scope_id : 0)
    }

    init(_ address: sockaddr_in) {
        self.init(
            ipv4: UInt32(bigEndian: address.sin_addr.s_addr),
            port: UInt16(bigEndian: address.sin_port))
    }

    /// Nil for a null pointer or a family other than IPv4 and IPv6.
    init?(_ address: UnsafePointer<sockaddr>?) {
        guard let address = unsafe address else { return nil }
        switch unsafe CInt(address.pointee.sa_family) {
        case AF_INET6:
            self.init(unsafe UnsafeRawPointer(address).loadUnaligned(as: sockaddr_in6.self))
        case AF_INET:
            self.init(unsafe UnsafeRawPointer(address).loadUnaligned(as: sockaddr_in.self))
        default:
            return nil
        }
    }
}
