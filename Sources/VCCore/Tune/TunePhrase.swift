/// What friends agree on in order to meet without a code: `vc tune PHRASE`. In secret memory, in
/// the form that `PhraseText` describes; wiped when the value ends.
public struct TunePhrase: ~Copyable {
    /// UTF-8, never empty.
    let bytes: SecretBytes
    /// A cautious guess at how hard it is to guess; see `PhraseStrength`.
    public let strengthBits: Int

    /// A phrase below this can be guessed from the outside: it must be asked for. At a tenth of a
    /// second and 64 MiB for each guess, 2^40 of them take one core 3,500 years.
    public static let leastBits = 40
    /// The most bytes a phrase may have as it is typed.
    public static let longestInput = 256
    /// Words of a made phrase: four of 1,296 are 41 bits.
    public static let madeWords = 4
    /// The most bytes of a made phrase.
    public static let longestMade = madeWords * (WordList.longestWord + 1)

    /// Reads a phrase as people type it.
    ///
    /// - Parameter input: UTF-8; the caller wipes it.
    public init(typed input: RawSpan, in arena: SecretArena) throws(TunePhraseError) {
        guard input.byteCount <= Self.longestInput else { throw .tooLong }
        let text: PhraseText
        switch PhraseText(input, in: arena) {
        case .some(let read): text = read
        case .none: throw .notText
        }
        guard text.count > 0 else { throw .empty }
        strengthBits = PhraseStrength.bits(of: text)
        bytes = text.encoded(in: arena)
    }

    /// A phrase of four different words, each choice as likely as any other.
    public init(using random: inout some RandomSource, in arena: SecretArena) {
        let indices = SecretBytes(count: Self.madeWords * 2, in: arena)
        let memory = SecretBytes(count: Self.longestMade, in: arena)
        let words = unsafe indices.mutableBytes.bindMemory(to: UInt16.self)
        for position in 0..<Self.madeWords {
            repeat {
                unsafe words[position] = UInt16(random.next(below: UInt32(WordList.count)))
            } while unsafe words[..<position].contains(words[position])
        }
        let size = memory.write { writer in
            for position in 0..<Self.madeWords {
                if position > 0 { writer.write(UInt8(ascii: " ")) }
                unsafe WordList.write(words[position], into: &writer)
            }
        }
        bytes = memory.prefix(size, in: arena)
        strengthBits = PhraseStrength.tenthsOfListWord * Self.madeWords / 10
    }

    /// Whether nobody can find it by trying.
    public var isStrong: Bool { strengthBits >= Self.leastBits }

    /// Writes it with dashes between the words, so that a shell takes a made one as it is. The
    /// caller wipes what it gave.
    public func writeDashed(into writer: inout ByteWriter) {
        for offset in 0..<bytes.count {
            let byte = unsafe bytes.span.unsafeLoad(fromByteOffset: offset, as: UInt8.self)
            writer.write(byte == UInt8(ascii: " ") ? UInt8(ascii: "-") : byte)
        }
    }

    /// Whether both are the same phrase, told in constant time.
    public func isSame(as other: borrowing TunePhrase) -> Bool {
        bytes.isEqual(to: other.bytes.span)
    }
}

/// Why what was typed is no phrase.
public enum TunePhraseError: Error, Equatable {
    /// Nothing that can be seen.
    case empty
    /// More than 256 bytes.
    case tooLong
    /// Not UTF-8.
    case notText
}
