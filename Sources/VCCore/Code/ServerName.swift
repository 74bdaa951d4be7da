/// The name or address of a server with an optional port, as people write it: `example.org`,
/// `192.0.2.1:4460`, `[2001:db8::1]:4460`, `2001:db8::1`. Not looked up, only well formed.
public struct ServerName: Hashable, Sendable {
    /// A host name (RFC 1123) or an address, in lower case, without brackets.
    public let host: String
    /// The port, if one was given.
    public let port: UInt16?

    /// The longest host name (RFC 1035 section 2.3.4).
    public static let longestHost = 253
    /// The most bytes of `description`: the host, brackets, a colon and five digits.
    public static let longestText = longestHost + 2 + 1 + 5

    /// Nil unless `text` is a host with an optional port from 1 to 65,535.
    public init?(_ text: some StringProtocol) {
        let lowered = text.lowercased().utf8
        guard !lowered.isEmpty, lowered.count <= Self.longestText else { return nil }
        let hostBytes: Substring.UTF8View
        var portBytes: Substring.UTF8View?
        if lowered.first == UInt8(ascii: "[") {
            guard let end = lowered.firstIndex(of: UInt8(ascii: "]")) else { return nil }
            hostBytes = lowered[lowered.index(after: lowered.startIndex)..<end]
            let rest = lowered[lowered.index(after: end)...]
            guard Self.isAddressIPv6(hostBytes) else { return nil }
            if let colon = rest.first {
                guard colon == UInt8(ascii: ":") else { return nil }
                portBytes = rest.dropFirst()
            }
        } else {
            let colons = lowered.count { $0 == UInt8(ascii: ":") }
            if colons == 1, let colon = lowered.firstIndex(of: UInt8(ascii: ":")) {
                hostBytes = lowered[..<colon]
                portBytes = lowered[lowered.index(after: colon)...]
            } else {
                hostBytes = lowered[...]
            }
            guard colons > 1 ? Self.isAddressIPv6(hostBytes) : Self.isHostName(hostBytes) else {
                return nil
            }
        }
        self.host = String(Substring(hostBytes))
        guard let portBytes else {
            self.port = nil
            return
        }
        guard let port = Self.port(portBytes) else { return nil }
        self.port = port
    }

    /// Digits, hexadecimal letters, dots and at least two colons, then perhaps `%interface`. The
    /// system's own parser decides whether it is an address.
    private static func isAddressIPv6(_ bytes: Substring.UTF8View) -> Bool {
        let parts = bytes.split(
            separator: UInt8(ascii: "%"), maxSplits: 1, omittingEmptySubsequences: false)
        guard let address = parts.first, !address.isEmpty, address.count <= 45 else { return false }
        guard
            address.allSatisfy({
                isDigit($0) || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains($0)
                    || $0 == UInt8(ascii: ":") || $0 == UInt8(ascii: ".")
            }), address.count(where: { $0 == UInt8(ascii: ":") }) >= 2
        else { return false }
        guard parts.count == 2 else { return true }
        // Linux' longest interface name has 15 bytes (IFNAMSIZ).
        return (1...15).contains(parts[1].count) && parts[1].allSatisfy { isLabelByte($0) }
    }

    private static func isHostName(_ bytes: Substring.UTF8View) -> Bool {
        guard !bytes.isEmpty, bytes.count <= longestHost else { return false }
        let hyphen = UInt8(ascii: "-")
        let labels = bytes.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        for (index, label) in labels.enumerated() {
            // A dot at the very end marks a name as complete.
            if label.isEmpty, index > 0, index == labels.count - 1 { continue }
            guard (1...63).contains(label.count), label.allSatisfy({ isLabelByte($0) }),
                label.first != hyphen, label.last != hyphen
            else { return false }
        }
        return true
    }

    private static func isLabelByte(_ byte: UInt8) -> Bool {
        isDigit(byte) || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
            || byte == UInt8(ascii: "-") || byte == UInt8(ascii: "_")
    }

    private static func isDigit(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
    }

    private static func port(_ bytes: Substring.UTF8View) -> UInt16? {
        guard (1...5).contains(bytes.count), bytes.allSatisfy({ isDigit($0) }),
            let port = UInt16(Substring(bytes)), port > 0
        else { return nil }
        return port
    }
}

extension ServerName: CustomStringConvertible {
    /// `host`, `host:port` or `[v6]:port`; `init` reads it back.
    public var description: String {
        guard let port else { return host.contains(":") ? "[\(host)]" : host }
        return host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
    }
}
