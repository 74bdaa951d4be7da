/// The words that room codes are made of, by number. The words themselves stand in `wordTable`.
public enum WordList {
    /// How many words there are: three make 31 bits.
    public static let count: UInt16 = 1_296
    /// The most letters a word has.
    public static let longestWord = 7
    /// So many letters name a word, whatever follows them.
    public static let tellingLetters = 4

    /// How many letters word `index` has.
    public static func length(of index: UInt16) -> Int {
        var length = longestWord
        while length > 0, letter(length - 1, of: index) == padding { length -= 1 }
        return length
    }

    /// Writes word `index` as lower-case ASCII.
    public static func write(_ index: UInt16, into writer: inout ByteWriter) {
        for position in 0..<length(of: index) { writer.write(letter(position, of: index)) }
    }

    /// Word `index` as a String: for names, which are public. Words of a code go through `write`.
    public static func publicText(of index: UInt16) -> String {
        String(decoding: (0..<length(of: index)).map { letter($0, of: index) }, as: UTF8.self)
    }

    /// The word that `typed` means: the whole word or at least its first four letters, in any
    /// case. Nil when there is none; `nearest(to:)` then tells what may have been meant.
    public static func index(of typed: RawSpan) -> UInt16? {
        guard typed.byteCount > 0, typed.byteCount <= longestWord else { return nil }
        for offset in 0..<typed.byteCount where lowercase(typed, at: offset) == padding {
            return nil
        }
        var low: UInt16 = 0
        var high = count
        while low < high {
            let middle = (low + high) / 2
            if isWord(middle, before: typed) { low = middle + 1 } else { high = middle }
        }
        guard low < count else { return nil }
        for offset in 0..<typed.byteCount
        where lowercase(typed, at: offset) != letter(offset, of: low) {
            return nil
        }
        return typed.byteCount >= tellingLetters || typed.byteCount == length(of: low) ? low : nil
    }

    /// The word with the fewest keystrokes between it and `typed`. A typed beginning of a word is
    /// held against as many letters of the word, because four suffice.
    public static func nearest(to typed: RawSpan) -> UInt16 {
        var best: UInt16 = 0
        var bestDistance = (Int.max, Int.max)
        for index in 0..<count {
            let whole = distance(from: typed, to: index, letters: length(of: index))
            var shortest = whole
            if typed.byteCount >= tellingLetters, typed.byteCount < length(of: index) {
                shortest = min(
                    whole, distance(from: typed, to: index, letters: typed.byteCount))
            }
            if (shortest, whole) < bestDistance {
                bestDistance = (shortest, whole)
                best = index
            }
        }
        return best
    }

    /// The keystrokes (a letter more, less or another, or two neighbours swapped) that turn
    /// `typed` into the first `letters` letters of word `index`: optimal string alignment.
    static func distance(from typed: RawSpan, to index: UInt16, letters: Int) -> Int {
        var beforeLast = [8 of Int](repeating: 0)
        var last = [8 of Int](repeating: 0)
        for column in 0...letters { last[column] = column }
        // No word is so long that more of what was typed could change the choice.
        let typedCount = min(typed.byteCount, 4 * longestWord)
        for row in 0..<typedCount {
            let byte = lowercase(typed, at: row)
            var current = [8 of Int](repeating: 0)
            current[0] = row + 1
            for column in 0..<letters {
                let other = letter(column, of: index)
                var cost = min(last[column + 1], current[column]) + 1
                cost = min(cost, last[column] + (byte == other ? 0 : 1))
                if row > 0, column > 0, byte == letter(column - 1, of: index),
                    lowercase(typed, at: row - 1) == other
                {
                    cost = min(cost, beforeLast[column - 1] + 1)
                }
                current[column + 1] = cost
            }
            beforeLast = last
            last = current
        }
        return last[letters]
    }

    private static let padding = UInt8(ascii: ".")
    /// Bytes from one word to the next in the table.
    private static let stride = 8

    private static func letter(_ position: Int, of index: UInt16) -> UInt8 {
        precondition(index < count && position < longestWord, "no such word or letter")
        return unsafe wordTable.utf8Start[Int(index) * stride + position]
    }

    /// Whether word `index` stands before `typed` in the alphabet, so far as `typed` goes.
    private static func isWord(_ index: UInt16, before typed: RawSpan) -> Bool {
        for offset in 0..<typed.byteCount {
            let left = letter(offset, of: index)
            let right = lowercase(typed, at: offset)
            if left != right { return left < right }
        }
        return false
    }

    private static func lowercase(_ bytes: RawSpan, at offset: Int) -> UInt8 {
        let byte = unsafe bytes.unsafeLoad(fromByteOffset: offset, as: UInt8.self)
        return (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) ? byte | 0x20 : byte
    }
}
