/// What the members of a room compare by voice: 32 bits as four words.
///
/// Each word holds one byte: word k (0 to 3) of byte b is number 5 b + k of the word list. So each
/// of the four carries a quarter of the security, which a number in base 1,296 would not (its first
/// word could only be one of two), and no word can stand in two places: words that were read in the
/// wrong order are noticed.
public struct SafetyPhrase: Equatable, Sendable {
    /// How many words there are.
    public static let count = 4
    /// Words of the list from one byte to the next: the largest that keeps 5 * 255 + 3 below 1,296,
    /// so that the words come from the whole alphabet.
    private static let stride: UInt16 = 5

    /// The first 32 bits of the hash that all members made.
    public let number: UInt32

    public init(number: UInt32) {
        self.number = number
    }

    /// The numbers of the words, the first one from the highest byte.
    public var indices: [UInt16] {
        (0..<SafetyPhrase.count).map { position in
            let byte = UInt8(truncatingIfNeeded: number >> UInt32(24 - 8 * position))
            return UInt16(byte) * SafetyPhrase.stride + UInt16(position)
        }
    }

    /// The words, with spaces between them. They are no secret: people say them aloud.
    public var text: String {
        indices.map { WordList.publicText(of: $0) }.joined(separator: " ")
    }
}
