public import VCCore

/// A server that lives on the socket of a call: `vc host` runs vc-signal this way.
public protocol DatagramService: AnyObject {
    /// The address under which a client in the same process talks to it, without a socket.
    var localClient: Endpoint { get }
    /// Takes a datagram; false when it was none of its requests.
    func handle(_ datagram: RawSpan, from source: Endpoint, now: Instant) -> Bool
    /// Whether a room with this nameplate is open here.
    func holds(_ nameplate: UInt32) -> Bool
    /// Lets time pass.
    func handleTimeout(now: Instant)
    /// When `handleTimeout` is next needed.
    func pollTimeout() -> Instant?
    /// The next datagram to send.
    func pollTransmit(into writer: inout ByteWriter) -> (destination: Endpoint, size: Int)?
}

/// Makes a server for the socket of a call that has none, when the call needs one.
public protocol SpareService: AnyObject, Sendable {
    /// - Parameter port: that of the socket.
    /// - Returns: the server, and how others reach it; nil where it cannot be.
    func open(port: UInt16, now: Instant) -> (
        service: any DatagramService, advertised: ServerName?
    )?
}
