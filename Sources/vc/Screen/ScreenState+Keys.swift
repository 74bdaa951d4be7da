/// What the person wants that the screen cannot do by itself.
enum ScreenAction: Equatable {
    /// A line was written.
    case line(String)
    case mute
    case leave
    /// Ctrl-C and Ctrl-Z, where they come as keys.
    case interrupt
    case suspend
    case redraw
    case talk(KeyPhase)
    /// Show the code.
    case invite
    /// The settings are shown: what stands there is needed now.
    case settings
    case change(SlashCommand)
}

extension ScreenState {
    /// Lines that a page key scrolls.
    private static let page = 5

    mutating func handle(_ input: TerminalInput) -> ScreenAction? {
        switch input {
        case .key(let press): return handle(press)
        case .paste(let text):
            candidates = []
            if !editor.insert(text) { noteFullLine() }
            return nil
        case .keyboardFlags:
            tellsRelease = true
            return nil
        case .attributes:
            tellsRelease = tellsRelease ?? false
            return nil
        // A key that goes up elsewhere is not told to us.
        case .focus(let on): return on ? nil : .talk(.release)
        }
    }

    private mutating func handle(_ press: KeyPress) -> ScreenAction? {
        if press.key == talkKey.key { return .talk(press.phase) }
        guard press.phase != .release else { return nil }
        candidates = []
        if press.modifiers.contains(.control) { return handleControl(press.key) }
        if press.modifiers.contains(.alt) { return handleAlt(press.key) }
        guard press.modifiers.isDisjoint(with: .others) else { return nil }
        switch press.key {
        case .function(1): toggle(.help(firstLine: 0))
        case .function(2):
            toggle(.invite)
            return panel == .invite ? .invite : nil
        case .function(3):
            toggle(.settings(chosen: 0))
            return panel == nil ? nil : .settings
        case .escape:
            panel = nil
            log.scrollToEnd()
        default:
            if panel != nil, let handled = handleInPanel(press.key) { return handled.action }
            return handleInLine(press.key)
        }
        return nil
    }

    private mutating func toggle(_ new: Panel) {
        switch (panel, new) {
        case (.help, .help), (.invite, .invite), (.settings, .settings): panel = nil
        default: panel = new
        }
    }

    private mutating func noteFullLine() {
        add(.problem, "a message has 4,000 bytes at most; the rest was left out")
    }

    // MARK: The line

    private mutating func handleInLine(_ key: Key) -> ScreenAction? {
        switch key {
        case .character(let scalar):
            if !editor.insert(String(scalar)) { noteFullLine() }
        case .enter:
            guard !editor.isEmpty else { return nil }
            log.scrollToEnd()
            return .line(editor.submit())
        case .tab: complete()
        case .backspace: editor.deleteBackward()
        case .delete: editor.deleteForward()
        case .left: editor.moveLeft()
        case .right: editor.moveRight()
        case .home: editor.moveToStart()
        case .end: editor.moveToEnd()
        case .up: editor.showEarlier()
        case .down: editor.showLater()
        case .pageUp: log.scroll(by: Self.page)
        case .pageDown: log.scroll(by: -Self.page)
        case .escape, .insert, .function: return nil
        }
        return nil
    }

    /// Whether an input completes the name of a device.
    func wantsDevices(for input: TerminalInput) -> Bool {
        guard case .key(let press) = input, press.key == .tab, press.phase != .release else {
            return false
        }
        return Completion.wantsDevice(editor.left)
    }

    private mutating func complete() {
        let completion = Completion(names: names, devices: devices)
        guard let result = completion.complete(editor.left) else { return }
        editor.replaceLeft(result.left)
        candidates = result.candidates
    }

    private mutating func handleControl(_ key: Key) -> ScreenAction? {
        switch key {
        case .character("a"): editor.moveToStart()
        case .character("e"): editor.moveToEnd()
        case .character("u"): editor.deleteToStart()
        case .character("k"): editor.deleteToEnd()
        case .character("w"), .backspace: editor.deleteWord()
        case .left: editor.moveWordLeft()
        case .right: editor.moveWordRight()
        case .character("p"): editor.showEarlier()
        case .character("n"): editor.showLater()
        case .character("c"): return .interrupt
        case .character("z"): return .suspend
        case .character("l"): return .redraw
        case .character("r"): return .mute
        case .character("q"): return .leave
        // The codes of Enter, Tab and Backspace, where the keys are not told apart.
        case .character("j"), .character("m"): return handleInLine(.enter)
        case .character("i"): complete()
        case .character("h"): editor.deleteBackward()
        default: break
        }
        return nil
    }

    private mutating func handleAlt(_ key: Key) -> ScreenAction? {
        switch key {
        case .character("b"), .left: editor.moveWordLeft()
        case .character("f"), .right: editor.moveWordRight()
        case .backspace: editor.deleteWord()
        default: break
        }
        return nil
    }

    // MARK: Panels

    /// Nil when the key is meant for the line.
    private mutating func handleInPanel(_ key: Key) -> (action: ScreenAction?, Void)? {
        switch panel {
        case .help(let first):
            guard let step = Self.step(key) else { return nil }
            panel = .help(firstLine: min(ScreenPanels.lastHelpLine, max(0, first + step)))
        case .settings(let chosen):
            switch key {
            case .up, .down, .pageUp, .pageDown:
                let last = max(0, settings.count - 1)
                panel = .settings(chosen: min(last, max(0, chosen + (Self.step(key) ?? 0))))
            case .left: return (changed(chosen, by: -1), ())
            case .right: return (changed(chosen, by: 1), ())
            case .enter where editor.isEmpty: return (changed(chosen, by: 1), ())
            default: return nil
            }
        case .invite, nil: return nil
        }
        return (nil, ())
    }

    private static func step(_ key: Key) -> Int? {
        switch key {
        case .up: -1
        case .down: 1
        case .pageUp: -page
        case .pageDown: page
        default: nil
        }
    }

    private func changed(_ chosen: Int, by step: Int) -> ScreenAction? {
        guard settings.indices.contains(chosen) else { return nil }
        return (step < 0 ? settings[chosen].less : settings[chosen].more).map { .change($0) }
    }
}

extension ScreenState {
    /// Says how the talk key works here, where it does not as one would think.
    mutating func explainTalkKey() {
        guard microphone.mode == .ptt, tellsRelease == false, !hasExplainedTalkKey else { return }
        hasExplainedTalkKey = true
        add(
            .notice,
            "this terminal does not tell when a key goes up: \(talkKey.spelling) begins to "
                + "talk, and \(talkKey.spelling) again ends it; `vc ptt down` and `vc ptt up` on a "
                + "key of the desktop hold")
    }
}
