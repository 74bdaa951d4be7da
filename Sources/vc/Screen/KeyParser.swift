/// Reads keys out of the bytes of a terminal: UTF-8, the sequences of xterm, of the Linux console and
/// of the kitty keyboard protocol (sw.kovidgoyal.net/kitty/keyboard-protocol), bracketed paste,
/// focus, and the answers to what we ask.
///
///     ground --ESC--> escape --[--> sequence --final--> ground
///        |               |---O--> single --any--> ground
///        |               |--other--> ground (with Alt)
///        |--200~ of a sequence--> paste --ESC [ 201 ~--> ground
struct KeyParser {
    /// A longer sequence is none that we know.
    static let longestSequence = 64
    /// What is pasted beyond this is left out: no message is so long.
    static let longestPaste = 64 * 1_024

    private enum State: Equatable {
        case ground
        case escape
        case sequence
        /// Of the Linux console: `ESC [ [ A`.
        case console
        case single
        case paste
    }

    private var state = State.ground
    /// The bytes of a sequence, of a character, or of what is pasted.
    private var held: [UInt8] = []

    /// Whether bytes are held that may be the Escape key and nothing more. If none follow soon,
    /// `flush` says so.
    var isWaiting: Bool {
        switch state {
        case .ground, .paste: false
        case .escape, .sequence, .console, .single: true
        }
    }

    /// Reads what the terminal sent.
    mutating func read(_ bytes: some Sequence<UInt8>) -> [TerminalInput] {
        var inputs: [TerminalInput] = []
        for byte in bytes { read(byte, &inputs) }
        return inputs
    }

    /// Nothing followed for a while: what is held was a key of its own.
    mutating func flush() -> [TerminalInput] {
        guard isWaiting else { return [] }
        defer { reset() }
        switch state {
        case .escape: return [.key(KeyPress(key: .escape))]
        case .single: return [.key(KeyPress(key: .character("O"), modifiers: .alt))]
        case .sequence where held.isEmpty:
            return [.key(KeyPress(key: .character("["), modifiers: .alt))]
        case .sequence, .console, .ground, .paste: return []
        }
    }

    private mutating func reset() {
        state = .ground
        held.removeAll(keepingCapacity: true)
    }

    private mutating func read(_ byte: UInt8, _ inputs: inout [TerminalInput]) {
        switch state {
        case .ground: readGround(byte, &inputs)
        case .escape: readEscape(byte, &inputs)
        case .sequence: readSequence(byte, &inputs)
        case .console:
            reset()
            if (0x41...0x45).contains(byte) {
                inputs.append(.key(KeyPress(key: .function(Int(byte) - 0x40))))
            }
        case .single:
            reset()
            if let key = Self.letterKey(byte) { inputs.append(.key(KeyPress(key: key))) }
        case .paste: readPaste(byte, &inputs)
        }
    }

    // MARK: Characters

    private mutating func readGround(_ byte: UInt8, _ inputs: inout [TerminalInput]) {
        if !held.isEmpty {
            if byte & 0xC0 == 0x80 {
                held.append(byte)
                finishCharacter(&inputs)
                return
            }
            // The character before was cut short.
            held.removeAll(keepingCapacity: true)
            inputs.append(.key(KeyPress(key: .character("\u{FFFD}"))))
        }
        switch byte {
        case 0x1B: state = .escape
        case 0x80...0xFF:
            held = [byte]
            finishCharacter(&inputs)
        default: inputs.append(.key(Self.asciiKey(byte)))
        }
    }

    /// Hands over the character that is held once all of its bytes are there.
    private mutating func finishCharacter(_ inputs: inout [TerminalInput]) {
        let size =
            switch held[0] {
            case 0xC2...0xDF: 2
            case 0xE0...0xEF: 3
            case 0xF0...0xF4: 4
            default: 1
            }
        guard held.count >= size else { return }
        let scalar = String(decoding: held, as: UTF8.self).unicodeScalars.first ?? "\u{FFFD}"
        held.removeAll(keepingCapacity: true)
        inputs.append(.key(KeyPress(key: .character(scalar))))
    }

    private static func asciiKey(_ byte: UInt8) -> KeyPress {
        switch byte {
        case 0x0D, 0x0A: KeyPress(key: .enter)
        case 0x09: KeyPress(key: .tab)
        case 0x08, 0x7F: KeyPress(key: .backspace)
        case 0x00: KeyPress(key: .character(" "), modifiers: .control)
        case 0x01...0x1A:
            KeyPress(key: .character(Unicode.Scalar(byte + 0x60)), modifiers: .control)
        case 0x1B: KeyPress(key: .escape)
        case 0x1C...0x1F:
            KeyPress(key: .character(Unicode.Scalar(byte + 0x40)), modifiers: .control)
        default: KeyPress(key: .character(Unicode.Scalar(byte)))
        }
    }

    private mutating func readEscape(_ byte: UInt8, _ inputs: inout [TerminalInput]) {
        switch byte {
        case UInt8(ascii: "["): state = .sequence
        case UInt8(ascii: "O"): state = .single
        case 0x1B: inputs.append(.key(KeyPress(key: .escape)))
        case 0x80...0xFF:
            reset()
            inputs.append(.key(KeyPress(key: .escape)))
            readGround(byte, &inputs)
        default:
            reset()
            var press = Self.asciiKey(byte)
            press.modifiers.insert(.alt)
            inputs.append(.key(press))
        }
    }

    // MARK: Sequences

    private mutating func readSequence(_ byte: UInt8, _ inputs: inout [TerminalInput]) {
        switch byte {
        case UInt8(ascii: "[") where held.isEmpty: state = .console
        case 0x20...0x3F:
            held.append(byte)
            if held.count > Self.longestSequence { reset() }
        case 0x40...0x7E:
            let parameters = held
            reset()
            let sequence = ControlSequence(parameters, final: byte)
            if sequence.isPasteBegin {
                state = .paste
            } else if let input = sequence.input {
                inputs.append(input)
            }
        case 0x1B:
            reset()
            state = .escape
        default: reset()
        }
    }

    private static let pasteEnd: [UInt8] = Array("\u{1B}[201~".utf8)

    private mutating func readPaste(_ byte: UInt8, _ inputs: inout [TerminalInput]) {
        held.append(byte)
        if held.count > Self.longestPaste + Self.pasteEnd.count {
            // Beyond the limit only its end is looked for.
            held.remove(at: Self.longestPaste)
        }
        guard byte == UInt8(ascii: "~"), held.count >= Self.pasteEnd.count,
            held.suffix(Self.pasteEnd.count).elementsEqual(Self.pasteEnd)
        else { return }
        let text = String(decoding: held.dropLast(Self.pasteEnd.count), as: UTF8.self)
        reset()
        inputs.append(.paste(text))
    }

    /// The keys whose sequence ends in a letter, after `ESC [` or `ESC O`.
    static func letterKey(_ byte: UInt8) -> Key? {
        switch byte {
        case UInt8(ascii: "A"): .up
        case UInt8(ascii: "B"): .down
        case UInt8(ascii: "C"): .right
        case UInt8(ascii: "D"): .left
        case UInt8(ascii: "H"): .home
        case UInt8(ascii: "F"): .end
        case UInt8(ascii: "M"): .enter
        case UInt8(ascii: "P")...UInt8(ascii: "S"): .function(Int(byte) - 0x4F)
        default: nil
        }
    }
}
