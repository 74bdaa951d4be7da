/// A control sequence of a terminal: `ESC [ parameters final`.
struct ControlSequence {
    private let isPrivate: Bool
    /// Parts between semicolons, and what colons divide them into. What is left out is 0.
    private let parameters: [[Int]]
    private let final: UInt8

    init(_ bytes: [UInt8], final: UInt8) {
        isPrivate = bytes.first == UInt8(ascii: "?")
        self.final = final
        parameters = bytes.drop { $0 == UInt8(ascii: "?") }
            .split(separator: UInt8(ascii: ";"), omittingEmptySubsequences: false)
            .map { part in
                part.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
                    .map(Self.number)
            }
    }

    /// Digits as a number; anything else is 0, and nothing is larger than a code point.
    private static func number(_ digits: ArraySlice<UInt8>) -> Int {
        digits.reduce(0) { value, byte in
            (48...57).contains(byte) ? min(0x11_0000, value * 10 + Int(byte) - 48) : value
        }
    }

    private func number(_ place: Int, _ part: Int = 0) -> Int {
        place < parameters.count && part < parameters[place].count ? parameters[place][part] : 0
    }

    var isPasteBegin: Bool { final == UInt8(ascii: "~") && number(0) == 200 }

    /// What it says, or nil when it is none that we know.
    var input: TerminalInput? {
        if isPrivate {
            switch final {
            case UInt8(ascii: "u"): return .keyboardFlags(number(0))
            case UInt8(ascii: "c"): return .attributes
            default: return nil
            }
        }
        switch final {
        case UInt8(ascii: "u"): return press(Self.kittyKey(number(0)))
        case UInt8(ascii: "~"): return press(Self.tildeKey(number(0)))
        case UInt8(ascii: "Z"): return .key(KeyPress(key: .tab, modifiers: .shift))
        case UInt8(ascii: "I"): return .focus(true)
        case UInt8(ascii: "O"): return .focus(false)
        default: return press(KeyParser.letterKey(final))
        }
    }

    private func press(_ key: Key?) -> TerminalInput? {
        guard let key else { return nil }
        let modifiers = KeyModifiers(rawValue: max(0, number(1) - 1) & 0xFF)
        let phase = KeyPhase(rawValue: max(1, number(1, 1))) ?? .press
        return .key(
            KeyPress(key: key, modifiers: modifiers.subtracting(.locks), phase: phase))
    }

    private static func tildeKey(_ number: Int) -> Key? {
        switch number {
        case 1, 7: .home
        case 2: .insert
        case 3: .delete
        case 4, 8: .end
        case 5: .pageUp
        case 6: .pageDown
        case 11...15: .function(number - 10)
        case 17...21: .function(number - 11)
        case 23, 24: .function(number - 12)
        default: nil
        }
    }

    /// A key by its code point, or by its number in the protocol's private area: the key pad.
    private static func kittyKey(_ number: Int) -> Key? {
        switch number {
        case 13, 57_414: .enter
        case 9: .tab
        case 8, 127: .backspace
        case 27: .escape
        case 57_399...57_408: .character(Unicode.Scalar(UInt8(48 + number - 57_399)))
        case 57_409: .character(".")
        case 57_410: .character("/")
        case 57_411: .character("*")
        case 57_412: .character("-")
        case 57_413: .character("+")
        case 57_415: .character("=")
        case 57_417: .left
        case 57_418: .right
        case 57_419: .up
        case 57_420: .down
        case 57_421: .pageUp
        case 57_422: .pageDown
        case 57_423: .home
        case 57_424: .end
        case 57_425: .insert
        case 57_426: .delete
        case 32..<57_344: Unicode.Scalar(UInt32(number)).map { .character($0) }
        case 63_744...: Unicode.Scalar(UInt32(number)).map { .character($0) }
        default: nil
        }
    }
}
