/// Swift source without comments and without what stands in string literals; the quotes and line
/// ends stay, so that line numbers and braces are right. What is interpolated stays: it is code.
func codeOnly(_ source: [UInt8]) -> [UInt8] {
    var scanner = CodeScanner(source: source)
    return scanner.scan()
}

private struct CodeScanner {
    let source: [UInt8]
    var position = 0
    var output: [UInt8] = []

    init(source: [UInt8]) {
        self.source = source
    }

    mutating func scan() -> [UInt8] {
        output.reserveCapacity(source.count)
        while position < source.count {
            if starts("//") {
                while position < source.count, source[position] != newline { position += 1 }
            } else if starts("/*") {
                skipBlockComment()
            } else if let hashes = literalHashes() {
                skipLiteral(hashes: hashes)
            } else {
                output.append(source[position])
                position += 1
            }
        }
        return output
    }

    private var newline: UInt8 { UInt8(ascii: "\n") }
    private var quote: UInt8 { UInt8(ascii: "\"") }

    private func starts(_ text: StaticString) -> Bool {
        let count = text.utf8CodeUnitCount
        guard position + count <= source.count else { return false }
        for offset in 0..<count where source[position + offset] != text.utf8Start[offset] {
            return false
        }
        return true
    }

    /// The number of `#` in front of a quote here; nil when no string literal begins here.
    private func literalHashes() -> Int? {
        var hashes = 0
        while position + hashes < source.count, source[position + hashes] == UInt8(ascii: "#") {
            hashes += 1
        }
        return position + hashes < source.count && source[position + hashes] == quote ? hashes : nil
    }

    private mutating func skipBlockComment() {
        var depth = 0
        while position < source.count {
            if starts("/*") {
                depth += 1
                position += 2
            } else if starts("*/") {
                depth -= 1
                position += 2
                if depth == 0 { return }
            } else {
                if source[position] == newline { output.append(newline) }
                position += 1
            }
        }
    }

    private mutating func skipLiteral(hashes: Int) {
        position += hashes
        let isLong = starts("\"\"\"")
        let quotes = isLong ? 3 : 1
        position += quotes
        output.append(quote)
        while position < source.count {
            let byte = source[position]
            if byte == UInt8(ascii: "\\"), hasHashes(hashes, at: 1) {
                position += 1 + hashes
                skipEscape()
            } else if byte == quote, !isLong || starts("\"\"\""), hasHashes(hashes, at: quotes) {
                position += quotes + hashes
                output.append(quote)
                return
            } else {
                if byte == newline { output.append(newline) }
                position += 1
            }
        }
    }

    private func hasHashes(_ count: Int, at offset: Int) -> Bool {
        (0..<count).allSatisfy {
            position + offset + $0 < source.count
                && source[position + offset + $0] == UInt8(ascii: "#")
        }
    }

    /// What follows a backslash: one character, or the code of an interpolation, which is kept.
    private mutating func skipEscape() {
        guard position < source.count else { return }
        guard source[position] == UInt8(ascii: "(") else {
            if source[position] == newline { output.append(newline) }
            position += 1
            return
        }
        var depth = 0
        while position < source.count {
            if let hashes = literalHashes() {
                skipLiteral(hashes: hashes)
                continue
            }
            let byte = source[position]
            output.append(byte)
            position += 1
            if byte == UInt8(ascii: "(") { depth += 1 }
            if byte == UInt8(ascii: ")") {
                depth -= 1
                if depth == 0 { return }
            }
        }
    }
}
