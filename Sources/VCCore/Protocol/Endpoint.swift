/// What carries a datagram.
public enum Transport: UInt8, Sendable, BitwiseCopyable {
    case udp
    /// A TCP connection in which each datagram stands behind its length (2 bytes, big-endian): the
    /// last resort of networks that let no UDP pass.
    case tcp
}

/// An address, a port and what carries datagrams there. IPv4 is held in its mapped form
/// (::ffff:a.b.c.d, RFC 4291 section 2.5.5.2), so one representation serves both families.
///
/// Machines do not know sockets: they send to an endpoint whose transport is TCP as to any other,
/// and the shell keeps the connection. At a server the remote address and port name a connection.
public struct Endpoint: Hashable, Sendable, BitwiseCopyable {
    /// The upper 8 bytes of the address, big-endian value.
    public let high: UInt64
    /// The lower 8 bytes of the address, big-endian value.
    public let low: UInt64
    /// The interface of a link-local IPv6 address (RFC 4007); 0 otherwise. Never on the wire.
    public let scope: UInt32
    public let port: UInt16
    /// What carries datagrams there. Never on the wire.
    public let transport: Transport
    /// Which of our sockets datagrams leave through, or came in on: 0 is the main one, the others
    /// are those of `BirthdayMachine`. Through another socket a NAT sees another flow, so this is
    /// part of equality. Never on the wire.
    public let socket: UInt8

    public init(
        high: UInt64, low: UInt64, port: UInt16, scope: UInt32 = 0, transport: Transport = .udp,
        socket: UInt8 = 0
    ) {
        self.high = high
        self.low = low
        self.port = port
        self.scope = scope
        self.transport = transport
        self.socket = socket
    }

    /// An IPv4 endpoint; `address` is the 32-bit value of a.b.c.d, `a` uppermost.
    public init(ipv4 address: UInt32, port: UInt16) {
        self.init(high: 0, low: 0xFFFF_0000_0000 | UInt64(address), port: port)
    }

    /// The 32-bit value of an IPv4 address, or nil for IPv6.
    public var ipv4: UInt32? {
        high == 0 && low >> 32 == 0xFFFF ? UInt32(truncatingIfNeeded: low) : nil
    }

    /// The same address with another port.
    public func with(port: UInt16) -> Endpoint {
        Endpoint(
            high: high, low: low, port: port, scope: scope, transport: transport, socket: socket)
    }

    /// The same address and port over another transport.
    public func over(_ transport: Transport) -> Endpoint {
        Endpoint(
            high: high, low: low, port: port, scope: scope, transport: transport, socket: socket)
    }

    /// The same address and port through another of our sockets.
    public func through(socket: UInt8) -> Endpoint {
        Endpoint(
            high: high, low: low, port: port, scope: scope, transport: transport, socket: socket)
    }

    /// Whether this is fe80::/10, which means nothing without an interface (RFC 4291).
    public var isLinkLocalIPv6: Bool { high >> 54 == 0xFE80 >> 6 }

    /// Whether the two have the same address, whatever the port.
    public func hasSameAddress(as other: Endpoint) -> Bool {
        high == other.high && low == other.low
    }
}

extension Endpoint {
    /// Address 16, port 2.
    public static let encodedSize = 18

    public func encode(into writer: inout ByteWriter) {
        writer.write(high)
        writer.write(low)
        writer.write(port)
    }

    public init(from reader: inout ByteReader) throws(DecodeError) {
        self.init(
            high: try reader.readUInt64(), low: try reader.readUInt64(),
            port: try reader.readUInt16())
    }
}

extension Endpoint: CustomStringConvertible {
    /// `a.b.c.d:port` or `[v6]:port` (RFC 5952). For people; logs use `redacted` unless asked.
    public var description: String {
        ipv4 == nil ? "[\(addressDescription)]:\(port)" : "\(addressDescription):\(port)"
    }

    /// The address alone.
    public var addressDescription: String {
        if let address = ipv4 {
            return (0..<4).map { String((address >> (24 - 8 * $0)) & 0xFF) }.joined(separator: ".")
        }
        let groups = (0..<8).map { index in
            UInt16(truncatingIfNeeded: (index < 4 ? high : low) >> UInt64(48 - 16 * (index % 4)))
        }
        // RFC 5952 section 4.2: the longest run of two or more zero groups becomes `::`.
        var longest = 0..<0
        var start = 0
        while start < 8 {
            guard groups[start] == 0 else {
                start += 1
                continue
            }
            let end = groups[start...].firstIndex { $0 != 0 } ?? 8
            if end - start > max(1, longest.count) { longest = start..<end }
            start = end
        }
        func text(_ part: ArraySlice<UInt16>) -> String {
            part.map { String($0, radix: 16) }.joined(separator: ":")
        }
        if longest.isEmpty { return text(groups[...]) }
        return text(groups[..<longest.lowerBound]) + "::" + text(groups[longest.upperBound...])
    }

    /// Enough to tell two log lines apart, too little to find anybody: the family and the port.
    public var redacted: String {
        ipv4 == nil ? "[v6]:\(port)" : "[v4]:\(port)"
    }
}
