internal import Glibc
internal import VCCore

extension AddressNetwork {
    /// `ADDRESS[/BITS]`; without bits it is the one address.
    init?(_ text: String) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard (1...2).contains(parts.count), let address = Endpoint(numeric: String(parts[0]))
        else { return nil }
        let all = address.ipv4 == nil ? 128 : 32
        guard let bits = parts.count == 1 ? all : decimalInteger(String(parts[1]), in: 0...all)
        else { return nil }
        self.init(address, prefix: bits)
    }
}

extension Endpoint {
    /// An address in digits, without a port or an interface.
    fileprivate init?(numeric text: String) {
        // A colon is in every address of IPv6 and in none of IPv4.
        if text.contains(":") {
            var bytes = in6_addr()
            guard unsafe inet_pton(AF_INET6, text, &bytes) == 1 else { return nil }
            let words = unsafe withUnsafeBytes(of: &bytes) { raw in
                unsafe (
                    UInt64(bigEndian: raw.loadUnaligned(as: UInt64.self)),
                    UInt64(bigEndian: raw.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
                )
            }
            self.init(high: words.0, low: words.1, port: 0)
        } else {
            var bytes = in_addr()
            guard unsafe inet_pton(AF_INET, text, &bytes) == 1 else { return nil }
            self.init(ipv4: UInt32(bigEndian: bytes.s_addr), port: 0)
        }
    }
}
