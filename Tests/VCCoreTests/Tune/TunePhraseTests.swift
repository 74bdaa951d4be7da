import Testing
import VCTestKit

@testable import VCCore

private let arena = TestSecrets.arena

private func bytes(_ typed: String) -> [UInt8]? {
    let units = Array(typed.utf8)
    guard let phrase = try? TunePhrase(typed: units.span.bytes, in: arena) else { return nil }
    return phrase.bytes.span.withUnsafeBytes { Array($0) }
}

private func text(_ typed: String) -> String? {
    bytes(typed).map { String(decoding: $0, as: UTF8.self) }
}

private func text(_ scalars: [UInt32]) -> String? {
    text(string(scalars))
}

private func string(_ scalars: [UInt32]) -> String {
    var string = String.UnicodeScalarView()
    string.append(contentsOf: scalars.compactMap(Unicode.Scalar.init))
    return String(string)
}

private func error(_ units: [UInt8]) -> TunePhraseError? {
    do throws(TunePhraseError) {
        _ = try TunePhrase(typed: units.span.bytes, in: arena)
        return nil
    } catch {
        return error
    }
}

@Suite("What people take for the same phrase is the same phrase")
struct TunePhraseTests {
    @Test("case, runs of space, dashes and quotes around it make no difference")
    func tolerant() {
        for typed in [
            "blue whale sings", "  Blue  WHALE\tsings \n", "blue-whale-sings",
            "\"blue whale sings\"", "'Blue\u{2013}whale \u{2014} sings'",
            "\u{201E}blue whale sings\u{201C}",
            "«blue whale\u{A0}sings»", "-blue whale sings-",
            "blue\u{200B} wha\u{AD}le sings\u{FEFF}",
        ] {
            #expect(text(typed) == "blue whale sings")
        }
        #expect(text("it's") == "it's")
    }

    @Test("it does not matter how an accent was typed: the form is NFC")
    func composed() {
        #expect(text([0x65, 0x301]).map { Array($0.utf8) } == [0xC3, 0xA9])
        #expect(text([0xC9]).map { Array($0.utf8) } == [0xC3, 0xA9])
        // Two marks in either order, composed in part.
        for scalars: [UInt32] in [
            [0x1EAD], [0x61, 0x323, 0x302], [0x61, 0x302, 0x323], [0xE2, 0x323], [0x1EA1, 0x302],
        ] {
            #expect(bytes(string(scalars)) == Array("\u{1EAD}".utf8))
        }
        // The angstrom sign is a letter; a syllable is its letters; what Unicode leaves apart stays.
        #expect(bytes(string([0x212B])) == Array("\u{E5}".utf8))
        #expect(bytes(string([0x1112, 0x1161, 0x11AB])) == Array("\u{D55C}".utf8))
        #expect(bytes(string([0x958])) == Array("\u{915}\u{93C}".utf8))
        #expect(bytes(string([0xFB01])) == Array("\u{FB01}".utf8))
        // A mark between keeps two marks of its kind apart.
        #expect(bytes(string([0x61, 0x302, 0x302])) == Array("\u{E2}\u{302}".utf8))
    }

    @Test("each character keeps its meaning, and its form is final")
    func everyCharacter() {
        // Those that make no difference, or are made small, are looked at above.
        let scalars = (UInt32(0x21)...0x2FFFF).filter { value in
            guard let scalar = Unicode.Scalar(value) else { return false }
            let properties = scalar.properties
            return !properties.changesWhenLowercased && !properties.isWhitespace
                && !properties.isDefaultIgnorableCodePoint
                && ![.control, .format, .surrogate, .dashPunctuation, .unassigned]
                    .contains(properties.generalCategory)
        }
        for start in stride(from: 0, to: scalars.count, by: 15) {
            let heap = scalars[start..<min(start + 15, scalars.count)].flatMap {
                [$0, UInt32(0x7C)]
            }
            let typed = string([0x7C] + heap)
            guard let result = text(typed) else {
                Issue.record("U+\(String(scalars[start], radix: 16))")
                continue
            }
            // The standard library compares by canonical equivalence.
            let isKept = result == typed
            let isFinal = bytes(result) == Array(result.utf8)
            #expect(isKept && isFinal, "from U+\(String(scalars[start], radix: 16))")
        }
    }

    @Test("what is canonically equal is the same phrase, also in random heaps of marks")
    func equivalent() {
        var random = SplitMix64(seed: 7)
        let marks: [UInt32] =
            (0x300...0x34E).filter { $0 != 0x345 } + [0x5B0, 0x5BC, 0x94D, 0x3099]
        let letters = (0x61...0x24F).filter { value in
            Unicode.Scalar(UInt32(value)).map { $0.properties.isLowercase } ?? false
        }.map { UInt32($0) }
        for _ in 0..<300 {
            var whole = [letters[Int(random.next(below: UInt32(letters.count)))]]
            for _ in 0..<random.next(below: 5) {
                whole.append(marks[Int(random.next(below: UInt32(marks.count)))])
            }
            var apart: [UInt32] = []
            for scalar in whole {
                if let parts = CanonicalMappings.decomposition(of: scalar) {
                    apart += [parts.first, parts.second].filter { $0 != 0 }
                } else {
                    apart.append(scalar)
                }
            }
            var swapped = whole
            if swapped.count > 2 { swapped.swapAt(1, 2) }
            #expect(bytes(string(whole)) == bytes(string(apart)))
            let isEqual = string(whole) == string(swapped)
            #expect((bytes(string(whole)) == bytes(string(swapped))) == isEqual)
        }
    }

    @Test("nothing, too much and what is not UTF-8 is refused")
    func refused() {
        #expect(error([]) == .empty)
        #expect(error(Array(" \u{200B}-\t\"".utf8)) == .empty)
        #expect(error([UInt8](repeating: 0x61, count: 257)) == .tooLong)
        #expect(error([UInt8](repeating: 0x61, count: 256)) == nil)
        #expect(error([0x61, 0xC3]) == .notText)
        #expect(error([0xED, 0xA0, 0x80]) == .notText)
    }

    @Test("whatever is typed, reading it ends and leaves nothing in secret memory")
    func fuzz() throws {
        let arena = try #require(SecretArena())
        var random = SplitMix64(seed: 3)
        for _ in 0..<300 {
            let count = Int(random.next(below: 40))
            var units = [UInt8](repeating: 0, count: count)
            units.withUnsafeMutableBytes { random.fill($0) }
            _ = try? TunePhrase(typed: units.span.bytes, in: arena)
            let scalars = (0..<count).map { _ in random.next(below: 0x11_0000) }
            _ = try? TunePhrase(typed: Array(string(scalars).utf8).span.bytes, in: arena)
        }
        #expect(arena.slotsInUse == 0)
    }

    @Test("a made phrase is strong, typed back the same, and not made twice")
    func made() throws {
        var random = SplitMix64(seed: 5)
        var seen: Set<[UInt8]> = []
        for _ in 0..<200 {
            let phrase = TunePhrase(using: &random, in: arena)
            let (isStrong, strength) = (phrase.isStrong, phrase.strengthBits)
            #expect(isStrong)
            let shown = [UInt8](capacity: TunePhrase.longestMade) { phrase.writeDashed(into: &$0) }
            #expect(shown.count { $0 == UInt8(ascii: "-") } == 3)
            let typed = try TunePhrase(typed: shown.span.bytes, in: arena)
            let (isSame, typedStrength) = (typed.isSame(as: phrase), typed.strengthBits)
            #expect(isSame)
            #expect(typedStrength == strength)
            seen.insert(shown)
        }
        #expect(seen.count == 200)
    }
}

@Suite("A phrase that can be guessed is known as such")
struct PhraseStrengthTests {
    private func bits(_ typed: String) -> Int {
        let units = Array(typed.utf8)
        guard let phrase = try? TunePhrase(typed: units.span.bytes, in: arena) else { return -1 }
        return phrase.strengthBits
    }

    @Test(
        "what people choose first is below 40 bits",
        arguments: [
            "raid", "saturday", "password", "password1", "123456789012345678901234567890",
            "aaaaaaaaaaaaaaaaaaaaaaaaaaaa", "abcdefghijklmnopqrstuvwxyz", "hunter2", "friday night",
            "the guild", "tango tango tango tango", "to be or not to be", "born in 1984",
            "correct horse battery", "trombone", "Tr0ub4dor&3",
        ])
    func weak(_ phrase: String) {
        #expect((1..<TunePhrase.leastBits).contains(bits(phrase)), "\(bits(phrase))")
    }

    @Test(
        "four words that have nothing to do with each other suffice",
        arguments: [
            "abide ladder mango zoom rail", "walrus penicillin trombone gravel",
            "Elefant Fahrrad Mondschein Gurke", "k9$Xq2!vLp7zR4#uW", "слон велосипед огурец луна",
        ])
    func strong(_ phrase: String) {
        #expect(bits(phrase) >= TunePhrase.leastBits, "\(bits(phrase))")
    }

    @Test("a word more never makes a phrase weaker")
    func monotone() {
        var random = SplitMix64(seed: 9)
        for _ in 0..<200 {
            var phrase = ""
            var last = 0
            for _ in 0..<6 {
                let word = WordList.publicText(of: UInt16(random.next(below: 1_296)))
                phrase += (phrase.isEmpty ? "" : " ") + word
                #expect(bits(phrase) > last)
                last = bits(phrase)
            }
        }
    }
}

@Suite("A phrase gives a bucket and a secret")
struct TuneSecretTests {
    private func secret(_ typed: String) throws -> (bucket: UInt16, proof: [UInt8]) {
        let phrase = try TunePhrase(typed: Array(typed.utf8).span.bytes, in: arena)
        switch TuneSecret(phrase, in: arena) {
        case .some(let secret):
            return (secret.bucket, secret.proof.span.withUnsafeBytes { Array($0) })
        case .none: throw TunePhraseError.empty
        }
    }

    @Test("Argon2id and HKDF as the protocol says, computed by other means")
    func vector() throws {
        let result = try secret("Blue Whale")
        #expect(result.bucket == 0xE9DA)
        #expect(
            result.proof == [
                0x4C, 0x72, 0x80, 0x63, 0x6D, 0x68, 0xC5, 0x70, 0xC7, 0x77, 0x8A, 0xD9, 0xE4, 0xE0,
                0x44, 0xD5, 0xE7, 0xAD, 0x0C, 0x31, 0x6D, 0x86, 0xE9, 0xAB, 0x16, 0x6C, 0x9D, 0x3F,
                0x9A, 0x07, 0x2D, 0x24,
            ])
    }

    @Test("another phrase gives another secret, the same one the same")
    func distinct() throws {
        let (first, second) = (try secret("blue whale"), try secret("blue whales"))
        #expect(first.proof != second.proof)
        #expect(try secret("BLUE-whale").proof == first.proof)
    }
}
