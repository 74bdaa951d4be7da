internal import Glibc
internal import VCCore

/// A room code while it is typed, as bytes: it is a secret and never a String. Tab completes its
/// words.
final class CodeEntry {
    /// So many words may be meant and are still listed.
    static let mostListed = 12
    /// The number and the words.
    private static let parts = 4

    private(set) var bytes: [UInt8]
    private(set) var count = 0

    init() {
        // Never grown, so that no copy stays behind.
        bytes = [UInt8](repeating: 0, count: RoomCode.longestInput + 1)
    }

    deinit {
        unsafe bytes.withUnsafeMutableBytes { unsafe explicit_bzero($0.baseAddress!, $0.count) }
    }

    var isEmpty: Bool { count == 0 }

    func append(_ byte: UInt8) {
        guard count < bytes.count else { return }
        bytes[count] = byte
        count += 1
    }

    func deleteBackward() {
        guard count > 0 else { return }
        count -= 1
        bytes[count] = 0
    }

    func clear() {
        while count > 0 { deleteBackward() }
    }

    /// Completes the word at the end; returns the words that may be meant, none when it is clear or
    /// none is.
    func complete() -> [UInt16] {
        guard let start = wordStart else { return [] }
        let found = words(from: start)
        guard let first = found.first else { return [] }
        var shared = WordList.length(of: first)
        for other in found.dropFirst() {
            let word = (letters(first), letters(other))
            let same = zip(word.0, word.1).prefix { $0 == $1 }.count
            shared = min(shared, same)
        }
        let typed = count - start
        for (place, letter) in letters(first).prefix(shared).enumerated() where place >= typed {
            append(letter)
        }
        guard found.count == 1 else { return found.count > Self.mostListed ? [] : found }
        if separators < Self.parts - 1 { append(UInt8(ascii: "-")) }
        return []
    }

    /// How many parts are done.
    private var separators: Int {
        bytes[..<count].count { Self.isSeparator($0) }
    }

    /// Where the word at the end begins; nil behind the number, and in the server's name.
    private var wordStart: Int? {
        let typed = bytes[..<count]
        guard !typed.contains(UInt8(ascii: "@")),
            let separator = typed.lastIndex(where: { Self.isSeparator($0) }), separator + 1 < count
        else { return nil }
        return separator + 1
    }

    private static func isSeparator(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: "-") || byte == UInt8(ascii: " ")
    }

    private func words(from start: Int) -> [UInt16] {
        (0..<WordList.count).filter { index in
            let word = letters(index)
            guard word.count >= count - start else { return false }
            return zip(bytes[start..<count], word).allSatisfy { $0 | 0x20 == $1 }
        }
    }

    private func letters(_ index: UInt16) -> [UInt8] {
        // Any word of the list: which of them is meant is not told by this.
        Array(WordList.publicText(of: index).utf8)
    }
}
