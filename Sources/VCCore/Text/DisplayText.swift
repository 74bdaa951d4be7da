/// Text from outside in a form that is safe to print: a name or a chat message without anything
/// that steers a terminal, reorders or hides what stands beside it, or breaks the line. What takes
/// this type and not String cannot be handed anything raw.
///
/// Made from any bytes; what is not UTF-8 becomes U+FFFD. Cleaned twice is cleaned once.
public struct DisplayText: Hashable, Sendable {
    /// The cleaned text; one line, possibly empty.
    public let text: String
    /// Whether the end was cut off to keep the limit.
    public let wasCut: Bool

    /// A name: at most 32 characters and 128 bytes, single spaces inside and none at the ends.
    public init(name bytes: RawSpan) {
        self.init(name: decoded(bytes))
    }

    /// A name: at most 32 characters and 128 bytes, single spaces inside and none at the ends.
    public init(name: String) {
        var cleaner = TextCleaner(keepsJoiners: false, collapsesSpaces: true)
        cleaner.append(name)
        (text, wasCut) = cut(
            cleaner.text, bytes: Limits.name, characters: Limits.nameCharacters)
    }

    /// A chat message or any other line: at most 4,000 bytes, cut between characters.
    public init(message bytes: RawSpan) {
        self.init(message: decoded(bytes))
    }

    /// A chat message or any other line: at most 4,000 bytes, cut between characters.
    public init(message: String) {
        var cleaner = TextCleaner(keepsJoiners: true, collapsesSpaces: false)
        cleaner.append(message)
        (text, wasCut) = cut(cleaner.text, bytes: Limits.chatMessage, characters: .max)
    }

    /// Whether nothing to be seen is left.
    public var isEmpty: Bool { text.isEmpty }
}

extension DisplayText: CustomStringConvertible {
    public var description: String { text }
}

private func decoded(_ bytes: RawSpan) -> String {
    unsafe bytes.withUnsafeBytes { unsafe String(decoding: $0, as: UTF8.self) }
}

/// As many characters from the front as both limits allow, without a space at the end.
private func cut(_ text: String, bytes: Int, characters: Int) -> (String, Bool) {
    var usedBytes = 0
    var usedCharacters = 0
    var end = text.startIndex
    while end < text.endIndex {
        let next = text.index(after: end)
        let size = text.utf8.distance(from: end, to: next)
        guard usedBytes + size <= bytes, usedCharacters < characters else { break }
        usedBytes += size
        usedCharacters += 1
        end = next
    }
    let wasCut = end < text.endIndex
    while end > text.startIndex, text[text.index(before: end)] == " " {
        end = text.index(before: end)
    }
    return (String(text[..<end]), wasCut)
}
