/// Why a handshake message was refused. The peer learns only that it was.
public enum HandshakeError: Error, Equatable {
    /// A public value is not a usable point of its group.
    case invalidPoint
    /// The tag does not fit: another key (a wrong word), or an altered message.
    case notAuthentic
    /// The bytes are not a message of this kind.
    case malformed
}
