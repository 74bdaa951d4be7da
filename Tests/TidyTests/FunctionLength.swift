/// Lines of the longest function, its signature and braces counted.
let longestFunction = 70

/// The functions, initialisers and subscripts in `lines` that are longer. `lines` holds code
/// without comments and string literals, so that every brace is one.
func longFunctions(in lines: [String]) -> [Breach] {
    lines.indices.compactMap { start in
        guard let name = declaredFunction(lines[start]),
            let end = endOfBody(from: start, in: lines), end - start + 1 > longestFunction
        else { return nil }
        return Breach(line: start + 1, what: "\(name): \(end - start + 1) lines")
    }
}

/// The line on which the body of the function that begins at `start` ends; nil when it has none,
/// as in a protocol.
private func endOfBody(from start: Int, in lines: [String]) -> Int? {
    var braces = 0
    var parentheses = 0
    for number in start..<lines.count {
        // The next declaration, and no body yet.
        if number > start, braces == 0, parentheses == 0, declaredFunction(lines[number]) != nil {
            return nil
        }
        for byte in lines[number].utf8 {
            switch byte {
            case UInt8(ascii: "("): parentheses += 1
            case UInt8(ascii: ")"): parentheses -= 1
            case UInt8(ascii: "{"): braces += 1
            case UInt8(ascii: "}"):
                braces -= 1
                // The end of what is around.
                if braces < 0 { return nil }
                if braces == 0, parentheses == 0 { return number }
            default: break
            }
        }
    }
    return nil
}

private let modifiers: Set<Substring> = [
    "public", "internal", "private", "fileprivate", "package", "static", "mutating", "consuming",
    "borrowing", "nonisolated", "convenience", "required", "override", "final",
]

/// The name of the function that a line begins to declare.
private func declaredFunction(_ line: String) -> String? {
    let head = line.split(separator: " ").drop { modifiers.contains($0) || $0.hasPrefix("@") }
    guard let first = head.first else { return nil }
    if first == "func" { return head.dropFirst().first.map(String.init) }
    for keyword in ["init", "subscript", "deinit"] where first.hasPrefix(keyword) {
        guard let next = first.dropFirst(keyword.count).first else { return keyword }
        if "(<?".contains(next) { return keyword }
    }
    return nil
}
