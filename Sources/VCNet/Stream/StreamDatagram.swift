public import VCCore

/// A datagram that came over a connection.
@safe public struct StreamDatagram {
    /// To be read or opened in place, until the table is used again.
    public let bytes: UnsafeMutableRawBufferPointer
    /// The other end, with transport TCP.
    public let source: Endpoint
}
