internal import CSodium

/// The three secret words of a room code, as numbers in memory of their own that is wiped when the
/// value ends. It cannot be copied, printed or turned into a String.
@safe
public struct CodeWords: ~Copyable, @unchecked Sendable {
    /// How many words a code has.
    public static let count = 3
    /// The most bytes `write` writes: three words and two dashes.
    public static let longestText = count * WordList.longestWord + count - 1

    private let indices: UnsafeMutableBufferPointer<UInt16>

    /// Words drawn from `source`, each of the list as likely as any other.
    public init(using source: inout some RandomSource) {
        self.init()
        // The largest multiple of the list that 16 bits hold: what lies above is drawn again, or
        // the first words of the list would come more often.
        let bound = UInt16.max / WordList.count * WordList.count
        for position in 0..<Self.count {
            repeat {
                unsafe source.fill(
                    UnsafeMutableRawBufferPointer(
                        UnsafeMutableBufferPointer(rebasing: indices[position...position])))
            } while unsafe indices[position] >= bound
            unsafe indices[position] %= WordList.count
        }
    }

    /// Room for three words; the parser sets each.
    init() {
        unsafe indices = .allocate(capacity: Self.count)
        unsafe indices.initialize(repeating: 0)
    }

    deinit {
        unsafe sodium_memzero(indices.baseAddress, indices.count * MemoryLayout<UInt16>.size)
        unsafe indices.deallocate()
    }

    func set(_ index: UInt16, at position: Int) {
        precondition(index < WordList.count && (0..<Self.count).contains(position))
        unsafe indices[position] = index
    }

    /// Writes `word-word-word` in lower-case ASCII. The caller wipes what it gave.
    public func write(into writer: inout ByteWriter) {
        for position in 0..<Self.count {
            if position > 0 { writer.write(UInt8(ascii: "-")) }
            unsafe WordList.write(indices[position], into: &writer)
        }
    }

    /// Writes the password-related string of CPace: lv("vc1", "word-word-word"), both fields with
    /// a 2-byte length in front. The caller wipes what it gave.
    public func writePRS(into writer: inout ByteWriter) {
        writer.write(UInt16(Self.domain.utf8CodeUnitCount))
        writer.write(text: Self.domain)
        var length = Self.count - 1
        for position in 0..<Self.count { unsafe length += WordList.length(of: indices[position]) }
        writer.write(UInt16(length))
        write(into: &writer)
    }

    /// The most bytes `writePRS` writes.
    public static let longestPRS = 2 + domain.utf8CodeUnitCount + 2 + longestText

    /// Whether both hold the same words, told in constant time.
    public func isSame(as other: borrowing CodeWords) -> Bool {
        unsafe sodium_memcmp(
            indices.baseAddress, other.indices.baseAddress,
            Self.count * MemoryLayout<UInt16>.size) == 0
    }

    /// The same words in memory of their own: for a successor, which is handed the code.
    public func duplicate() -> CodeWords {
        let copy = CodeWords()
        for position in 0..<Self.count { unsafe copy.set(indices[position], at: position) }
        return copy
    }

    /// What the PRS begins with, so that no other protocol's password is ours.
    private static let domain: StaticString = "vc1"
}
