/// `HOST`, `HOST:PORT`, `[v6]:PORT`, `[v6]` or a bare IPv6 address, taken apart.
public struct HostPort: Equatable, Sendable {
    /// The name or address, without brackets.
    public let host: String
    /// The port, where one was given.
    public let port: UInt16?

    public init(host: String, port: UInt16?) {
        self.host = host
        self.port = port
    }

    /// Nil when `text` has none of these forms.
    public init?(_ text: String) {
        if text.hasPrefix("[") {
            guard let end = text.firstIndex(of: "]") else { return nil }
            host = String(text[text.index(after: text.startIndex)..<end])
            let rest = text[text.index(after: end)...]
            if rest.isEmpty {
                port = nil
            } else {
                guard rest.hasPrefix(":"), let value = Self.port(rest.dropFirst()) else {
                    return nil
                }
                port = value
            }
            guard host.contains(":") else { return nil }
        } else if text.count(where: { $0 == ":" }) == 1, let colon = text.firstIndex(of: ":") {
            guard let value = Self.port(text[text.index(after: colon)...]) else { return nil }
            host = String(text[..<colon])
            port = value
        } else {
            host = text
            port = nil
        }
        guard !host.isEmpty, host.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else { return nil }
    }

    /// Decimal digits only: `UInt16("+1")` would be a number too.
    static func port(_ text: Substring) -> UInt16? {
        guard text.utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }) else { return nil }
        return UInt16(text)
    }
}
