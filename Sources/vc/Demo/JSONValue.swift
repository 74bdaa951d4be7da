/// A value of a line that another `vc` printed with `--json` (RFC 8259). Numbers are doubles: what
/// is counted here stays far below 2^53.
enum JSONValue: Equatable {
    case null
    case bool(Bool)
    case number(Double)
    case string(String)
    case array([JSONValue])
    /// The last of several fields with one name wins.
    case object([String: JSONValue])

    /// Deeper nesting than any event has; a line that goes deeper is refused.
    static let deepest = 16

    /// Nil when `text` is not exactly one value.
    init?(_ text: some Sequence<UInt8>) {
        var reader = JSONReader(bytes: Array(text))
        guard let value = reader.value(depth: 0), reader.isAtEnd else { return nil }
        self = value
    }

    /// The field `key` of an object.
    subscript(key: String) -> JSONValue? {
        guard case .object(let fields) = self else { return nil }
        return fields[key]
    }

    var string: String? {
        guard case .string(let text) = self else { return nil }
        return text
    }

    var double: Double? {
        guard case .number(let number) = self else { return nil }
        return number
    }

    /// A whole number; nil for one with a fraction.
    var int: Int? { double.flatMap(Int.init(exactly:)) }

    var elements: [JSONValue] {
        guard case .array(let elements) = self else { return [] }
        return elements
    }
}

private struct JSONReader {
    let bytes: [UInt8]
    var place = 0

    init(bytes: [UInt8]) {
        self.bytes = bytes
    }

    var isAtEnd: Bool {
        mutating get {
            skipSpace()
            return place == bytes.count
        }
    }

    mutating func value(depth: Int) -> JSONValue? {
        skipSpace()
        guard depth < JSONValue.deepest, place < bytes.count else { return nil }
        switch bytes[place] {
        case UInt8(ascii: "{"): return object(depth: depth)
        case UInt8(ascii: "["): return array(depth: depth)
        case UInt8(ascii: "\""): return string().map(JSONValue.string)
        case UInt8(ascii: "t"): return take("true") ? .bool(true) : nil
        case UInt8(ascii: "f"): return take("false") ? .bool(false) : nil
        case UInt8(ascii: "n"): return take("null") ? .null : nil
        default: return number()
        }
    }

    private mutating func object(depth: Int) -> JSONValue? {
        var fields: [String: JSONValue] = [:]
        place += 1
        if takeMark("}") { return .object(fields) }
        repeat {
            skipSpace()
            guard let key = string(), takeMark(":"), let value = value(depth: depth + 1) else {
                return nil
            }
            fields[key] = value
        } while takeMark(",")
        return takeMark("}") ? .object(fields) : nil
    }

    private mutating func array(depth: Int) -> JSONValue? {
        var elements: [JSONValue] = []
        place += 1
        if takeMark("]") { return .array(elements) }
        repeat {
            guard let element = value(depth: depth + 1) else { return nil }
            elements.append(element)
        } while takeMark(",")
        return takeMark("]") ? .array(elements) : nil
    }

    private mutating func number() -> JSONValue? {
        let start = place
        while place < bytes.count, isNumberByte(bytes[place]) { place += 1 }
        guard place > start, let number = Double(text(start..<place)), number.isFinite else {
            return nil
        }
        return .number(number)
    }

    private mutating func string() -> String? {
        guard place < bytes.count, bytes[place] == UInt8(ascii: "\"") else { return nil }
        place += 1
        var result = ""
        var start = place
        while place < bytes.count {
            switch bytes[place] {
            case UInt8(ascii: "\""):
                result += text(start..<place)
                place += 1
                return result
            case UInt8(ascii: "\\"):
                result += text(start..<place)
                guard let scalar = escape() else { return nil }
                result.unicodeScalars.append(scalar)
                start = place
            case 0..<0x20: return nil
            default: place += 1
            }
        }
        return nil
    }

    /// What a backslash stands for. Half of a surrogate pair is no character: `vc` writes none.
    private mutating func escape() -> Unicode.Scalar? {
        guard place + 1 < bytes.count else { return nil }
        let mark = bytes[place + 1]
        place += 2
        switch mark {
        case UInt8(ascii: "n"): return "\n"
        case UInt8(ascii: "r"): return "\r"
        case UInt8(ascii: "t"): return "\t"
        case UInt8(ascii: "b"): return "\u{8}"
        case UInt8(ascii: "f"): return "\u{C}"
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return Unicode.Scalar(mark)
        case UInt8(ascii: "u"):
            guard place + 4 <= bytes.count, let code = UInt32(text(place..<place + 4), radix: 16)
            else { return nil }
            place += 4
            return Unicode.Scalar(code)
        default: return nil
        }
    }

    private mutating func take(_ word: String) -> Bool {
        guard bytes[place...].starts(with: word.utf8) else { return false }
        place += word.utf8.count
        return true
    }

    private mutating func takeMark(_ mark: Unicode.Scalar) -> Bool {
        skipSpace()
        guard place < bytes.count, bytes[place] == UInt8(ascii: mark) else { return false }
        place += 1
        return true
    }

    private mutating func skipSpace() {
        while place < bytes.count, [0x20, 0x09, 0x0A, 0x0D].contains(bytes[place]) { place += 1 }
    }

    private func isNumberByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "+"),
            UInt8(ascii: "."), UInt8(ascii: "e"), UInt8(ascii: "E"):
            true
        default: false
        }
    }

    private func text(_ range: Range<Int>) -> String {
        String(decoding: bytes[range], as: UTF8.self)
    }
}
