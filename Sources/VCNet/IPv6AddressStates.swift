internal import VCCore

/// The states of this machine's IPv6 addresses, which getifaddrs does not tell.
enum IPv6AddressStates {
    /// One line per address, at most some hundred on a machine of many interfaces.
    private static let path = "/proc/thread-self/net/if_inet6"
    private static let largestFile = 65_536
    /// IFA_F_DADFAILED, IFA_F_DEPRECATED, IFA_F_TENTATIVE (linux/if_addr.h).
    private static let unusableFlags: UInt32 = 0x08 | 0x20 | 0x40

    /// Addresses that other machines must not be told: their use ends (deprecated), or it is not
    /// known yet whether another machine has them (tentative).
    static var unusable: Set<Endpoint> {
        parse(SystemFile.text(of: path, limit: largestFile) ?? "")
    }

    /// - Parameter text: `address index prefix scope flags name` per line, in hexadecimal.
    static func parse(_ text: String) -> Set<Endpoint> {
        var found: Set<Endpoint> = []
        for line in text.split(separator: "\n") {
            let fields = line.split(separator: " ")
            guard fields.count >= 5, fields[0].utf8.count == 32,
                let high = UInt64(fields[0].prefix(16), radix: 16),
                let low = UInt64(fields[0].suffix(16), radix: 16),
                let flags = UInt32(fields[4], radix: 16)
            else { continue }
            if flags & unusableFlags != 0 { found.insert(Endpoint(high: high, low: low, port: 0)) }
        }
        return found
    }
}
