/// The characters of a phrase in secret memory, brought into one form, so that what people take
/// for the same phrase is the same phrase:
///
/// * canonical composition (NFC, UAX #15), so that it does not matter how an accent was typed;
/// * small letters, one for one;
/// * one space for any run of white space and dashes; none at the ends, where quotes go as well;
/// * nothing that cannot be seen: control and format characters, variation selectors.
struct PhraseText: ~Copyable {
    /// No character decomposes into more.
    private static let longestDecomposition = 4

    private let memory: SecretBytes
    private let capacity: Int
    private(set) var count = 0

    /// - Parameter typed: UTF-8. Nil if it is not.
    init?(_ typed: RawSpan, in arena: SecretArena) {
        let size = MemoryLayout<UInt32>.size
        capacity = max(1, typed.byteCount) * Self.longestDecomposition
        memory = SecretBytes(count: capacity * size, in: arena)
        guard read(typed) else { return nil }
        trimEnd()
        compose()
    }

    subscript(index: Int) -> UInt32 {
        get {
            precondition(index < count)
            return unsafe scalars[index]
        }
        nonmutating set { unsafe scalars[index] = newValue }
    }

    /// UTF-8, in secret memory; empty if nothing is left.
    func encoded(in arena: SecretArena) -> SecretBytes {
        let bytes = SecretBytes(count: max(1, count * 4), in: arena)
        let size = bytes.write { writer in
            for index in 0..<count {
                guard let scalar = Unicode.Scalar(self[index]) else { continue }
                for unit in UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter {
                    writer.write(unit)
                }
            }
        }
        return bytes.prefix(size, in: arena)
    }

    private var scalars: UnsafeMutablePointer<UInt32> {
        unsafe memory.pointer.withMemoryRebound(to: UInt32.self, capacity: capacity) {
            unsafe $0
        }
    }

    // MARK: Reading

    private mutating func read(_ typed: RawSpan) -> Bool {
        let units = Span<UInt8>(_bytes: typed)
        guard let text = try? UTF8Span(validating: units) else { return false }
        var iterator = text.makeUnicodeScalarIterator()
        while let scalar = iterator.next() { append(scalar) }
        return true
    }

    private mutating func append(_ scalar: Unicode.Scalar) {
        if Self.isSeparator(scalar) {
            if count > 0, self[count - 1] != 0x20 { push(0x20) }
        } else if Self.isVisible(scalar), count > 0 || !Self.isQuote(scalar) {
            decompose(scalar.value)
        }
    }

    private mutating func decompose(_ scalar: UInt32) {
        if let parts = CanonicalMappings.decomposition(of: scalar) {
            decompose(parts.first)
            if parts.second != 0 { decompose(parts.second) }
            return
        }
        guard let scalar = Unicode.Scalar(scalar) else { return }
        let isASCII = scalar.isASCII
        let isCapital =
            isASCII ? ("A"..."Z").contains(scalar) : scalar.properties.changesWhenLowercased
        guard isCapital else { return insert(scalar) }
        if isASCII { return push(scalar.value | 0x20) }
        for small in scalar.properties.lowercaseMapping.unicodeScalars { insert(small) }
    }

    /// Marks stand in the order of their classes (The Unicode Standard, D108).
    private mutating func insert(_ scalar: Unicode.Scalar) {
        push(scalar.value)
        let rank = Self.combiningClass(of: scalar.value)
        guard rank > 0 else { return }
        var place = count - 1
        while place > 0, Self.combiningClass(of: self[place - 1]) > rank {
            self[place] = self[place - 1]
            place -= 1
        }
        self[place] = scalar.value
    }

    private mutating func push(_ value: UInt32) {
        guard count < capacity else { return }
        count += 1
        self[count - 1] = value
    }

    private mutating func trimEnd() {
        while count > 0, let last = Unicode.Scalar(self[count - 1]),
            Self.isSeparator(last) || Self.isQuote(last)
        {
            count -= 1
        }
    }

    // MARK: Composing

    /// Puts marks together with their letters (The Unicode Standard, D117).
    private mutating func compose() {
        var kept = 0
        var starter: Int?
        for index in 0..<count {
            let scalar = self[index]
            let rank = Self.combiningClass(of: scalar)
            if let place = starter {
                // Something between that is not smaller keeps the two apart.
                let last = kept - 1
                let isBlocked =
                    last > place && Self.combiningClass(of: self[last]) >= rank
                if !isBlocked, scalar >= 0x300,
                    let both = CanonicalMappings.composition(of: self[place], scalar)
                {
                    self[place] = both
                    continue
                }
            }
            if rank == 0 { starter = kept }
            self[kept] = scalar
            kept += 1
        }
        count = kept
    }

    // MARK: Kinds of characters

    private static func combiningClass(of scalar: UInt32) -> UInt8 {
        // No mark stands below.
        guard scalar >= 0x300, let scalar = Unicode.Scalar(scalar) else { return 0 }
        return scalar.properties.canonicalCombiningClass.rawValue
    }

    private static func isSeparator(_ scalar: Unicode.Scalar) -> Bool {
        scalar.properties.isWhitespace || scalar.properties.generalCategory == .dashPunctuation
    }

    private static func isQuote(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .initialPunctuation, .finalPunctuation: true
        // The low ones of German and Polish open a quotation, too, but are not of that category.
        default: ["\"", "'", "\u{201A}", "\u{201E}"].contains(scalar)
        }
    }

    private static func isVisible(_ scalar: Unicode.Scalar) -> Bool {
        guard !scalar.properties.isDefaultIgnorableCodePoint else { return false }
        switch scalar.properties.generalCategory {
        case .control, .format, .surrogate: return false
        default: return true
        }
    }
}
