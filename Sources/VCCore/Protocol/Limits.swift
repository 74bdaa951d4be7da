/// Every size, count and time of the protocol, with its unit and its reason. A number that stands
/// in two places stands here.
public enum Limits {
    // Sizes, in bytes.

    /// The largest UDP payload: fits IPv6's minimum MTU of 1,280 with both headers (RFC 8200).
    public static let datagram = 1_200
    /// The longest chat message, UTF-8.
    public static let chatMessage = 4_000
    /// The longest name, UTF-8: 32 characters of four bytes, the longest that a scalar has.
    public static let name = 128

    // Counts.

    /// Members of a room; also the largest member number.
    public static let members = 16
    /// The longest name, in characters.
    public static let nameCharacters = 32

    // Sound.

    /// Samples a second, everywhere (RFC 7587: Opus' clock is always 48 kHz).
    public static let sampleRate = 48_000
    /// Samples of a 10 ms frame.
    public static let samplesPerFrame = 480
}
