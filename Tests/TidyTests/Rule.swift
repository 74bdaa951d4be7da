import Testing

/// A house rule: what it forbids, and samples that prove that it sees it.
struct Rule: CustomTestStringConvertible {
    /// The rule as a sentence.
    let name: String
    /// The breaches in a file.
    let breaches: @Sendable (SourceFile) -> [Breach]
    /// Files that break the rule; each must be caught.
    let bad: [SourceFile]
    /// Files that keep it and look as if they did not.
    let good: [SourceFile]

    var testDescription: String { name }
}

struct Breach: Equatable, CustomStringConvertible {
    /// From 1; 0 means the whole file.
    let line: Int
    let what: String

    var description: String { line == 0 ? what : "line \(line): \(what)" }
}

/// Where one of `needles` stands as a word: no letter, digit or underscore beside its ends where
/// the needle itself has one there.
func findWords(_ needles: [String], in lines: [String]) -> [Breach] {
    let needles = needles.map { ($0, Array($0.utf8)) }
    var breaches: [Breach] = []
    for (number, line) in lines.enumerated() {
        let bytes = Array(line.utf8)
        for (name, needle) in needles where contains(bytes, word: needle) {
            breaches.append(Breach(line: number + 1, what: name))
        }
    }
    return breaches
}

private func contains(_ line: [UInt8], word: [UInt8]) -> Bool {
    guard let first = word.first, let last = word.last, line.count >= word.count else {
        return false
    }
    for start in 0...(line.count - word.count) where line[start] == first {
        let end = start + word.count
        guard line[start..<end].elementsEqual(word) else { continue }
        let joinsBefore = start > 0 && isWordByte(line[start - 1]) && isWordByte(first)
        let joinsAfter = end < line.count && isWordByte(line[end]) && isWordByte(last)
        if !joinsBefore, !joinsAfter { return true }
    }
    return false
}

private func isWordByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"):
        true
    default: false
    }
}
