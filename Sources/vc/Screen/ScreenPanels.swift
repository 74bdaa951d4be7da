internal import VCCore

/// What the function keys show in place of the chat.
enum ScreenPanels {
    // MARK: Help

    private static func keys(_ talkKey: TalkKey) -> [(left: String, right: String)] {
        [
            ("F1", "this help"), ("F2", "how to invite somebody"), ("F3", "settings"),
            (talkKey.spelling, "hold to talk, or talk while muted"),
            ("Ctrl-R", "close or open the microphone"),
            ("Ctrl-Q", "leave"), ("Tab", "complete a command, a name or a device"),
            ("Up, Down", "lines written before"), ("Page Up, Down", "what was said before"),
            ("Escape", "back to the line"),
        ]
    }

    private static func helpLines(_ talkKey: TalkKey) -> [(left: String, right: String)] {
        keys(talkKey) + [("", "")] + SlashHelp.entries.map { ($0.usage, $0.summary) }
    }

    /// The last line of the help.
    static var lastHelpLine: Int { helpLines(.usual).count - 1 }

    static func help(first: Int, talkKey: TalkKey, rows: Int, columns: Int) -> [ScreenRow] {
        let lines = helpLines(talkKey)
        let shown = lines.dropFirst(max(0, min(first, lines.count - rows))).prefix(rows)
        let leftColumns = columns < 70 ? 19 : 22
        return shown.map { line in
            ScreenRow([
                ScreenRun(ScreenText.fit(line.left, leftColumns), .strong),
                ScreenRun(ScreenText.cut(line.right, columns - leftColumns), .plain),
            ])
        }
    }

    // MARK: Invite

    static func invite(_ state: ScreenState, rows: Int, columns: Int) -> [ScreenRow] {
        if let phrase = state.phrase { return self.phrase(phrase, columns) }
        guard let code = state.roomCode else {
            let sentence =
                "Who is host knows the room's code and can invite others; to a room of `vc tune` "
                + "come those who say the same phrase."
            return ScreenText.wrap(sentence, first: columns, rest: columns).prefix(rows).map {
                ScreenRow($0, .plain)
            }
        }
        var lines = [ScreenRow(ScreenText.cut("Your friends paste", columns), .plain)]
        lines += join(code, columns)
        if let once = state.oneTimeCode {
            lines.append(ScreenRow())
            lines.append(ScreenRow(ScreenText.cut("For one guest, once", columns), .plain))
            lines += join(once, columns)
        }
        lines.append(ScreenRow())
        lines.append(
            ScreenRow(
                ScreenText.cut(
                    "Escape closes this; /invite once makes a code for one guest", columns), .faint)
        )
        return Array(lines.prefix(rows))
    }

    private static func phrase(_ phrase: ShownCode, _ columns: Int) -> [ScreenRow] {
        let sentence = "Whoever says the same phrase at the same signaling server comes in"
        return ScreenText.wrap(sentence, first: columns, rest: columns)
            .map { ScreenRow($0, .plain) }
            + join(phrase, columns, command: "  vc tune ")
    }

    /// The command with the code in it, over as many lines as it needs.
    private static func join(
        _ code: ShownCode, _ columns: Int, command: String = "  vc join "
    ) -> [ScreenRow] {
        let first = max(1, columns - command.utf8.count)
        var rows = [
            ScreenRow([
                ScreenRun(command, .strong), ScreenRun(code, 0..<min(first, code.length), .strong),
            ])
        ]
        for start in stride(from: first, to: code.length, by: columns) {
            rows.append(
                ScreenRow([ScreenRun(code, start..<min(start + columns, code.length), .strong)]))
        }
        return rows
    }

    // MARK: Settings

    static func settings(
        _ state: ScreenState, chosen: Int, rows: Int, columns: Int
    ) -> [ScreenRow] {
        let first = max(0, chosen - rows + 2)
        let shown = state.settings.enumerated().dropFirst(first).prefix(max(0, rows - 1))
        let lines = shown.map { place, setting in
            let title = "  " + ScreenText.clean(setting.title)
            // Names of members are up to 32 columns wide; what follows them is short.
            let titleColumns = max(22, min(ScreenText.width(title) + 2, columns - 12))
            let text = ScreenText.fit(title, titleColumns) + ScreenText.clean(setting.value)
            return ScreenRow(
                ScreenText.fit(text, columns),
                place == chosen ? .chosen : setting.isChangeable ? .plain : .faint)
        }
        let how = state.settings.indices.contains(chosen) ? state.settings[chosen].how : nil
        let hint = how ?? "Up and Down choose, Left and Right change, Escape closes"
        return Array(lines) + [ScreenRow(ScreenText.cut(hint, columns), .faint)]
    }
}
