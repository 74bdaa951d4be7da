/// A cautious guess at the strength of a phrase, in bits: what a guesser needs who knows how people
/// choose phrases, but not the person.
///
/// Each word counts for itself, the order of words for nothing:
///
/// * a word of our own list: 10.3 bits, as the list has 1,296 words;
/// * another word of letters: 4 bits for its first letter, 2 for each further one (NIST SP 800-63,
///   2006, appendix A), at most 12, for so many words are in everyday use;
/// * anything else, character by character: a digit 3.3 bits, another character 4, a letter 2;
/// * an ideograph 4 bits, of a word or not;
/// * what only goes on (`aaaa`, `1234`) and a word that came before: 1 bit, a year 6.6.
///
/// It does not know songs, sayings and the names of your pets.
enum PhraseStrength {
    // Tenths of a bit: whole numbers give the same on every machine.

    /// log2(1,296) = 10.34.
    static let tenthsOfListWord = 103
    private static let firstLetter = 40
    private static let letter = 20
    private static let everydayWord = 120
    private static let digit = 33
    private static let symbol = 40
    private static let ideograph = 40
    private static let continuation = 10
    private static let year = 66

    static func bits(of text: borrowing PhraseText) -> Int {
        var total = 0
        var start = 0
        for index in 0...text.count where index == text.count || text[index] == 0x20 {
            if index > start { total += tenths(of: start..<index, in: text) }
            start = index + 1
        }
        return total / 10
    }

    private static func tenths(of word: Range<Int>, in text: borrowing PhraseText) -> Int {
        if isRepeated(word, in: text) { return continuation }
        let kinds = word.reduce(into: Set<Kind>()) { $0.insert(Kind(text[$1])) }
        if kinds.isSubset(of: [.letter, .mark]) {
            if isListWord(word, in: text) { return tenthsOfListWord }
            return min(everydayWord, sum(of: word, in: text))
        }
        if kinds == [.digit], word.count == 4, [0x31, 0x32].contains(text[word.lowerBound]) {
            let century = text[word.lowerBound + 1]
            if century == 0x39 || century == 0x30 { return min(year, sum(of: word, in: text)) }
        }
        return sum(of: word, in: text)
    }

    private static func sum(of word: Range<Int>, in text: borrowing PhraseText) -> Int {
        var total = 0
        var letters = 0
        for index in word {
            let kind = Kind(text[index])
            if kind == .letter { letters += 1 }
            let isFirst = index == word.lowerBound
            if !isFirst, goesOn(text[index - 1], text[index]) {
                total += continuation
                continue
            }
            switch kind {
            case .letter: total += letters == 1 ? firstLetter : letter
            case .mark: continue
            case .digit: total += digit
            case .ideograph: total += ideograph
            case .symbol: total += symbol
            }
        }
        return total
    }

    /// `aa`, `ab`, `21`: who guesses one guesses both.
    private static func goesOn(_ first: UInt32, _ second: UInt32) -> Bool {
        first == second || first + 1 == second || second + 1 == first
    }

    private static func isRepeated(_ word: Range<Int>, in text: borrowing PhraseText) -> Bool {
        var start = 0
        while start + word.count < word.lowerBound {
            let end = start + word.count
            let isWord = (start == 0 || text[start - 1] == 0x20) && text[end] == 0x20
            if isWord,
                (0..<word.count).allSatisfy({ text[start + $0] == text[word.lowerBound + $0] })
            {
                return true
            }
            start += 1
        }
        return false
    }

    private static func isListWord(_ word: Range<Int>, in text: borrowing PhraseText) -> Bool {
        guard word.count <= WordList.longestWord else { return false }
        var letters: [7 of UInt8] = .init(repeating: 0)
        for (place, index) in word.enumerated() {
            guard text[index] < 0x80 else { return false }
            letters[place] = UInt8(text[index])
        }
        return unsafe letters.span.bytes.extracting(0..<word.count).isListWord
    }

    private enum Kind {
        case letter, mark, digit, ideograph, symbol

        init(_ value: UInt32) {
            guard let scalar = Unicode.Scalar(value) else {
                self = .symbol
                return
            }
            let properties = scalar.properties
            self =
                switch properties.generalCategory {
                case .nonspacingMark, .spacingMark, .enclosingMark: .mark
                case .decimalNumber: .digit
                default:
                    properties.isIdeographic
                        ? .ideograph : properties.isAlphabetic ? .letter : .symbol
                }
        }
    }
}

extension RawSpan {
    /// Whether this is a whole word of the list; four letters do not suffice.
    fileprivate var isListWord: Bool {
        guard let index = WordList.index(of: self) else { return false }
        return WordList.length(of: index) == byteCount
    }
}
