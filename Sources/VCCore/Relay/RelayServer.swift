/// An address at which a relay answers, as vc-signal hands it out.
public struct RelayServer: Hashable, Sendable {
    /// Its UDP address.
    public let endpoint: Endpoint
    /// Where it takes TCP at the same address; 0: nowhere.
    public let tcpPort: UInt16
    /// Which relay of a list it is. A relay that has an address in each IP family stands in the
    /// list twice, under one number: who is bound at one address is reached through the other.
    public let number: UInt8

    public init(endpoint: Endpoint, tcpPort: UInt16, number: UInt8 = 0) {
        self.endpoint = endpoint
        self.tcpPort = tcpPort
        self.number = number
    }

    /// Where it takes TCP, if it does.
    public var overTCP: Endpoint? {
        tcpPort == 0 ? nil : endpoint.with(port: tcpPort).over(.tcp)
    }
}

extension RelayServer {
    /// Number 1, address 18, TCP port 2.
    static let encodedSize = 1 + Endpoint.encodedSize + 2

    func encode(into writer: inout ByteWriter) {
        writer.write(number)
        endpoint.encode(into: &writer)
        writer.write(tcpPort)
    }

    init(from reader: inout ByteReader) throws(DecodeError) {
        number = try reader.readUInt8()
        endpoint = try Endpoint(from: &reader)
        tcpPort = try reader.readUInt16()
        guard endpoint.port != 0 else { throw .unexpectedValue }
    }
}
