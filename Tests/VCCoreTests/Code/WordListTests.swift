import Testing

@testable import VCCore

@Suite("The word list")
struct WordListTests {
    let words = (0..<WordList.count).map { WordList.publicText(of: $0) }

    @Test("has exactly 1,296 words of 3 to 7 lower-case letters, in alphabetical order")
    func shape() {
        #expect(words.count == 1_296)
        #expect(wordTable.utf8CodeUnitCount == 1_296 * 8 - 1)
        for word in words {
            #expect((3...7).contains(word.count), "\(word)")
            #expect(word.allSatisfy { ("a"..."z").contains($0) }, "\(word)")
        }
        #expect(words == words.sorted())
        #expect(Set(words).count == words.count)
    }

    @Test("tells every word by its first four letters, and no word begins another")
    func prefixes() {
        #expect(Set(words.map { $0.prefix(4) }).count == words.count)
        for (word, next) in zip(words, words.dropFirst()) {
            #expect(!next.hasPrefix(word), "\(word) begins \(next)")
        }
    }

    @Test("keeps every two words at least two keystrokes apart")
    func distances() {
        for (number, word) in words.enumerated() {
            let bytes = Array(word.utf8)
            for other in (number + 1)..<words.count where abs(words[other].count - word.count) < 2 {
                let index = UInt16(other)
                let distance = WordList.distance(
                    from: bytes.span.bytes, to: index, letters: WordList.length(of: index))
                #expect(distance >= 2, "\(word) and \(words[other])")
            }
        }
    }

    @Test("counts keystrokes as a person does")
    func distance() throws {
        let castle = try #require(find("castle"))
        for (typed, expected) in [
            ("castle", 0), ("CASTLE", 0), ("castel", 1), ("casle", 1), ("ccastle", 1),
            ("cattle", 1),
            ("catsle", 1), ("", 6), ("xyz", 6), ("castlexx", 2),
        ] {
            let bytes = Array(typed.utf8)
            #expect(
                WordList.distance(from: bytes.span.bytes, to: castle, letters: 6) == expected,
                "\(typed)")
        }
    }

    @Test("finds a word by itself and by four or more of its letters, in any case")
    func lookup() {
        for (number, word) in words.enumerated() {
            #expect(find(word) == UInt16(number))
            for length in 1..<word.count {
                #expect(
                    find(String(word.prefix(length))) == (length >= 4 ? UInt16(number) : nil),
                    "\(word) by \(length) letters")
            }
            #expect(find(word.uppercased()) == UInt16(number))
            #expect(find(word + "x") == nil, "\(word)x")
        }
        for stranger in ["", "a", "zzzz", "aaaa", "castlex", "c.stle", "age.", "....", "äpfel"] {
            #expect(find(stranger) == nil, "\(stranger)")
        }
    }

    @Test("names the word a typing mistake was meant to be")
    func nearest() {
        for (typed, meant) in [
            ("cstle", "castle"), ("volcnao", "volcano"), ("dolfin", "dolphin"),
            ("abylity", "ability"), ("picnik", "picnic"), ("gitar", "guitar"), ("volk", "folk"),
            ("abyl", "ability"), ("Vulcano", "volcano"),
        ] {
            #expect(find(meant) != nil)
            let bytes = Array(typed.utf8)
            let found = WordList.nearest(to: bytes.span.bytes)
            #expect(WordList.publicText(of: found) == meant, "\(typed)")
        }
    }

    @Test("takes any bytes for a typing mistake")
    func nearestOfAnything() {
        var random = SplitMix64(seed: 7)
        for _ in 0..<200 {
            let count = Int(random.next(below: 80))
            let bytes = (0..<count).map { _ in random.next(UInt8.self) }
            #expect(WordList.nearest(to: bytes.span.bytes) < WordList.count)
            _ = WordList.index(of: bytes.span.bytes)
        }
    }

    private func find(_ text: String) -> UInt16? {
        let bytes = Array(text.utf8)
        return WordList.index(of: bytes.span.bytes)
    }
}
