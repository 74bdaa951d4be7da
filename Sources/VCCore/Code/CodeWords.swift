/// The three secret words of a room code, as numbers in the secret arena, wiped when the value
/// ends. It cannot be copied, printed or turned into a String.
public struct CodeWords: ~Copyable, Sendable {
    /// How many words a code has.
    public static let count = 3
    /// The most bytes `write` writes: three words and two dashes.
    public static let longestText = count * WordList.longestWord + count - 1

    private let memory: SecretBytes

    private var indices: UnsafeMutableBufferPointer<UInt16> {
        unsafe memory.mutableBytes.bindMemory(to: UInt16.self)
    }

    /// Words drawn from `source`, each of the list as likely as any other.
    public init(using source: inout some RandomSource, in arena: SecretArena) {
        self.init(in: arena)
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
    init(in arena: SecretArena) {
        memory = SecretBytes(count: Self.count * MemoryLayout<UInt16>.size, in: arena)
    }

    private init(_ memory: consuming SecretBytes) {
        self.memory = memory
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
        memory.isEqual(to: other.memory.span)
    }

    /// The same words in memory of their own: for a successor, which is handed the code.
    public func duplicate() -> CodeWords {
        CodeWords(memory.duplicate())
    }

    /// Bytes of the encoding.
    static let encodedSize = count * MemoryLayout<UInt16>.size

    /// Writes the numbers of the words: into sealed messages only.
    func encode(into writer: inout ByteWriter) {
        for position in 0..<Self.count { unsafe writer.write(indices[position]) }
    }

    init(from reader: inout ByteReader, in arena: SecretArena) throws(DecodeError) {
        self.init(in: arena)
        for position in 0..<Self.count {
            let index = try reader.readUInt16()
            guard index < WordList.count else { throw .unexpectedValue }
            set(index, at: position)
        }
    }

    /// What the PRS begins with, so that no other protocol's password is ours.
    private static let domain: StaticString = "vc1"
}
