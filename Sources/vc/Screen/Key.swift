/// A key of the keyboard, as the person means it.
enum Key: Equatable {
    /// A key that writes this character; with `control`, the small letter.
    case character(Unicode.Scalar)
    case enter, tab, backspace, escape, insert, delete
    case up, down, left, right, home, end, pageUp, pageDown
    case function(Int)
}

struct KeyModifiers: OptionSet, Equatable {
    let rawValue: Int

    // The bits of the kitty keyboard protocol and of xterm, after 1 was taken off.
    static let shift = KeyModifiers(rawValue: 1)
    static let alt = KeyModifiers(rawValue: 2)
    static let control = KeyModifiers(rawValue: 4)
    static let others = KeyModifiers(rawValue: 8 | 16 | 32)
    /// Caps Lock and Num Lock, which say nothing about a key.
    static let locks = KeyModifiers(rawValue: 64 | 128)
}

/// What happens to a key. Terminals without the kitty protocol know only the first.
enum KeyPhase: Int, Equatable {
    case press = 1
    case again = 2
    case release = 3
}

struct KeyPress: Equatable {
    var key: Key
    var modifiers: KeyModifiers = []
    var phase = KeyPhase.press
}

/// What a terminal sends.
enum TerminalInput: Equatable {
    case key(KeyPress)
    /// What was pasted, as it came.
    case paste(String)
    /// The answer to `CSI ? u`: the terminal speaks the kitty keyboard protocol, with these flags.
    case keyboardFlags(Int)
    /// The answer to `CSI c`, which every terminal gives: what was asked before has its answer.
    case attributes
    case focus(Bool)
}
