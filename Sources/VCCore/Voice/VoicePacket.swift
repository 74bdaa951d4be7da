/// The clear header of a voice packet, inside the seal:
/// `kind 1 | flags 1 | sequence 2 | timestamp 4 (48 kHz) | level 1 (RFC 6464)`. Copies of earlier
/// frames and the Opus frame follow: `VoiceBlocks`.
public struct VoiceHeader: Equatable, Sendable, BitwiseCopyable {
    /// Bytes with the kind.
    static let size = 9
    /// The longest Opus frame (RFC 6716 section 3.2.1).
    public static let maximumFrame = 400

    /// The first frame of a talk spurt.
    public static let startOfTalkSpurt: UInt8 = 0x01
    /// The last frame before silence: what does not follow is not lost.
    public static let endOfTalkSpurt: UInt8 = 0x02
    /// The frame is for some members only, of whom the receiver is one.
    public static let whisper: UInt8 = 0x04

    /// A copy of an earlier frame follows the header; twice this: two of them.
    static let oneCopy: UInt8 = 0x08
    /// The bits that count the copies.
    static let copiesMask: UInt8 = 0x18

    private static var knownFlags: UInt8 {
        startOfTalkSpurt | endOfTalkSpurt | whisper | copiesMask
    }

    /// Copies in front of the frame.
    var copies: Int { Int((flags & VoiceHeader.copiesMask) / VoiceHeader.oneCopy) }
    /// The flags that are about the frame, and not about the packet.
    public var frameFlags: UInt8 { flags & ~VoiceHeader.copiesMask }

    /// Talk spurt marks and whisper; bits that this version does not know must be zero.
    public let flags: UInt8
    /// Counts the frames that the receiver was sent; stands still in silence.
    public let sequence: UInt16
    /// The sample at which the frame begins, at 48 kHz; goes on in silence.
    public let timestamp: UInt32
    /// RFC 6464: 0 to 127 dB below full scale; 127 is digital silence.
    public let level: UInt8

    public init(flags: UInt8, sequence: UInt16, timestamp: UInt32, level: UInt8) {
        self.flags = flags
        self.sequence = sequence
        self.timestamp = timestamp
        self.level = level
    }

    @unsafe func write(to bytes: UnsafeMutableRawBufferPointer) {
        unsafe bytes[0] = SealedKind.voice.rawValue
        unsafe bytes[1] = flags
        unsafe bytes.storeBytes(of: sequence.bigEndian, toByteOffset: 2, as: UInt16.self)
        unsafe bytes.storeBytes(of: timestamp.bigEndian, toByteOffset: 4, as: UInt32.self)
        unsafe bytes[8] = level
    }

    /// The header of an opened packet; nil when it is too short or has unknown marks.
    @unsafe init?(opened bytes: UnsafeRawBufferPointer) {
        guard bytes.count > VoiceHeader.size,
            unsafe bytes[1] & ~VoiceHeader.knownFlags == 0,
            unsafe bytes[1] & VoiceHeader.copiesMask <= 2 * VoiceHeader.oneCopy,
            unsafe bytes[8] <= 127
        else { return nil }
        unsafe flags = bytes[1]
        sequence = UInt16(bigEndian: unsafe bytes.loadUnaligned(fromByteOffset: 2, as: UInt16.self))
        timestamp = UInt32(
            bigEndian: unsafe bytes.loadUnaligned(fromByteOffset: 4, as: UInt32.self))
        unsafe level = bytes[8]
    }
}
