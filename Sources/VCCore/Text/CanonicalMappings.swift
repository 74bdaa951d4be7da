/// What characters are made of, and what two of them make: the tables behind Unicode's composed
/// form NFC (UAX #15). The standard library compares Strings by it but hands it out to nobody; this
/// works on characters, so that a secret need not become a String.
enum CanonicalMappings {
    private static let recordSize = 16
    private static let recordsPerLine = 5
    private static let lineSize = recordsPerLine * recordSize + 1
    private static let digits = 5

    /// The one or two characters that `scalar` stands for; they may stand for others in turn. The
    /// second is 0 where there is one.
    static func decomposition(of scalar: UInt32) -> (first: UInt32, second: UInt32)? {
        if let syllable = Hangul.decomposition(of: scalar) { return syllable }
        var (low, high) = (0, count)
        while low < high {
            let middle = (low + high) / 2
            if number(0, of: middle) < scalar { low = middle + 1 } else { high = middle }
        }
        guard low < count, number(0, of: low) == scalar else { return nil }
        return (number(1, of: low), number(2, of: low))
    }

    /// The character that the two make together.
    static func composition(of starter: UInt32, _ mark: UInt32) -> UInt32? {
        if let syllable = Hangul.composition(of: starter, mark) { return syllable }
        for index in 0..<count
        where number(2, of: index) == mark && number(1, of: index) == starter
            && isComposable(index)
        {
            return number(0, of: index)
        }
        return nil
    }

    // MARK: Records

    private static let count =
        canonicalTable.utf8CodeUnitCount / lineSize * recordsPerLine
        + canonicalTable.utf8CodeUnitCount % lineSize / recordSize

    private static func offset(of index: Int) -> Int {
        index / recordsPerLine * lineSize + index % recordsPerLine * recordSize
    }

    private static func number(_ field: Int, of index: Int) -> UInt32 {
        let start = offset(of: index) + field * digits
        var value: UInt32 = 0
        for place in start..<start + digits {
            let digit = unsafe canonicalTable.utf8Start[place]
            let isLetter = digit >= UInt8(ascii: "A")
            value = value << 4 | UInt32(digit - (isLetter ? UInt8(ascii: "A") - 10 : 0x30))
        }
        return value
    }

    private static func isComposable(_ index: Int) -> Bool {
        unsafe canonicalTable.utf8Start[offset(of: index) + 3 * digits] == UInt8(ascii: "+")
    }
}

/// Hangul syllables and the letters they are made of, by arithmetic (The Unicode Standard, 3.12).
private enum Hangul {
    private static let syllables: UInt32 = 0xAC00
    private static let leading: UInt32 = 0x1100
    private static let vowels: UInt32 = 0x1161
    /// One before the first: no trailing consonant is one of the choices.
    private static let trailing: UInt32 = 0x11A7
    private static let leadingCount: UInt32 = 19
    private static let vowelCount: UInt32 = 21
    private static let trailingCount: UInt32 = 28
    private static let syllableCount = leadingCount * vowelCount * trailingCount

    static func decomposition(of scalar: UInt32) -> (first: UInt32, second: UInt32)? {
        guard scalar >= syllables, scalar < syllables + syllableCount else { return nil }
        let index = scalar - syllables
        let tail = index % trailingCount
        if tail > 0 { return (scalar - tail, trailing + tail) }
        let pair = index / trailingCount
        return (leading + pair / vowelCount, vowels + pair % vowelCount)
    }

    static func composition(of starter: UInt32, _ next: UInt32) -> UInt32? {
        if starter >= leading, starter < leading + leadingCount, next >= vowels,
            next < vowels + vowelCount
        {
            return syllables
                + ((starter - leading) * vowelCount + next - vowels) * trailingCount
        }
        guard starter >= syllables, starter < syllables + syllableCount,
            (starter - syllables) % trailingCount == 0, next > trailing,
            next < trailing + trailingCount
        else { return nil }
        return starter + next - trailing
    }
}
