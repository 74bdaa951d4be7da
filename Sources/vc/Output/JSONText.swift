/// A JSON object under construction (RFC 8259), on one line, fields in the order they are added.
/// Numbers do not depend on the locale.
struct JSONObject {
    private var text = "{"
    /// What was added: strings as they are, everything else as JSON.
    private(set) var fields: [(key: String, text: String)] = []

    /// The object as text.
    var closed: String { text + "}" }

    mutating func add(_ key: String, _ value: String) {
        addRaw(key, jsonString(value), plain: value)
    }

    /// Null for nil.
    mutating func add(_ key: String, _ value: String?) {
        addRaw(key, value.map(jsonString) ?? "null", plain: value)
    }

    mutating func add(_ key: String, _ value: Bool) {
        addRaw(key, value ? "true" : "false")
    }

    mutating func add(_ key: String, _ value: some FixedWidthInteger) {
        addRaw(key, String(value))
    }

    /// A number with so many decimals; null for nil and for what is not finite.
    mutating func add(_ key: String, _ value: Double?, decimals: Int) {
        addRaw(key, value.flatMap { fixedDecimal($0, decimals: decimals) } ?? "null")
    }

    mutating func add(_ key: String, _ objects: [JSONObject]) {
        addRaw(key, "[" + objects.map(\.closed).joined(separator: ",") + "]")
    }

    mutating func add(_ key: String, _ numbers: [Int]) {
        addRaw(key, "[" + numbers.map(String.init).joined(separator: ",") + "]")
    }

    mutating func add(_ key: String, _ texts: [String]) {
        addRaw(key, "[" + texts.map(jsonString).joined(separator: ",") + "]")
    }

    private mutating func addRaw(_ key: String, _ value: String, plain: String? = nil) {
        fields.append((key, plain ?? value))
        if text.utf8.count > 1 { text += "," }
        text += jsonString(key) + ":" + value
    }
}

/// `value` in quotes. Escapes what RFC 8259 demands, and what would break or steer a line of a
/// terminal or of a JavaScript program: DEL, C1, and the two Unicode line ends.
func jsonString(_ value: String) -> String {
    var text = "\""
    for scalar in value.unicodeScalars {
        switch scalar {
        case "\"": text += "\\\""
        case "\\": text += "\\\\"
        case "\n": text += "\\n"
        case "\r": text += "\\r"
        case "\t": text += "\\t"
        default:
            switch scalar.value {
            case 0..<0x20, 0x7F...0x9F, 0x2028, 0x2029:
                let digits = String(scalar.value, radix: 16)
                text += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: text.unicodeScalars.append(scalar)
            }
        }
    }
    return text + "\""
}

/// `value` rounded to `decimals` places, with a point whatever the locale; nil when it is not
/// finite or too large to be a measurement.
func fixedDecimal(_ value: Double, decimals: Int) -> String? {
    var scale = 1.0
    for _ in 0..<decimals { scale *= 10 }
    let scaled = (value * scale).rounded()
    guard scaled.isFinite, scaled.magnitude < 1e18 else { return nil }
    let digits = String(UInt64(scaled.magnitude))
    let padded = String(repeating: "0", count: max(0, decimals + 1 - digits.count)) + digits
    let sign = scaled < 0 ? "-" : ""
    guard decimals > 0 else { return sign + padded }
    return sign + padded.dropLast(decimals) + "." + padded.suffix(decimals)
}
