/// Why bytes from outside were not understood. Thrown by every parser; the shell counts it and
/// drops the datagram.
public enum DecodeError: Error, Equatable {
    /// The bytes end before the field does.
    case truncated
    /// Bytes are left after the last field.
    case trailingBytes
    /// A field that must have one exact value has another.
    case unexpectedValue
    /// A length or count is above its limit.
    case tooLong
    /// The protocol version is not ours.
    case unsupportedVersion
}
