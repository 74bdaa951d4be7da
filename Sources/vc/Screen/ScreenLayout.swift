/// Where everything stands: members on top, the status line below them, what was said, and the line
/// that is being written at the bottom. Pure: the same state and size make the same rows.
enum ScreenLayout {
    /// Below this there is room for the line only.
    static let leastRows = 5
    static let leastColumns = 20
    /// In front of the line.
    private static let prompt = "> "

    static func frame(_ state: inout ScreenState, rows: Int, columns: Int) -> ScreenFrame {
        guard rows >= leastRows, columns >= leastColumns else {
            return tiny(state, rows: rows, columns: columns)
        }
        var frame = ScreenFrame()
        frame.rows = MemberCells.rows(state.members, rows: rows, columns: columns)
        if frame.rows.isEmpty {
            frame.rows = [ScreenRow(ScreenText.cut("  connecting ...", columns), .faint)]
        }
        frame.rows.append(StatusLine.row(state, columns: columns))
        let room = rows - frame.rows.count - 1
        let middle = self.middle(&state, rows: room, columns: columns)
        // What is newest stands at the bottom, next to the line.
        let gap = Array(repeating: ScreenRow(), count: max(0, room - middle.count))
        frame.rows += state.panel == nil ? gap + middle : middle + gap
        addLine(state, to: &frame, columns: columns)
        return frame
    }

    private static func tiny(_ state: ScreenState, rows: Int, columns: Int) -> ScreenFrame {
        var frame = ScreenFrame()
        guard rows > 0, columns > 4 else { return frame }
        frame.rows = Array(repeating: ScreenRow(), count: rows - 1)
        addLine(state, to: &frame, columns: columns)
        return frame
    }

    private static func addLine(
        _ state: ScreenState, to frame: inout ScreenFrame, columns: Int
    ) {
        let view = state.editor.view(columns: columns - prompt.utf8.count)
        frame.cursorRow = frame.rows.count
        frame.cursorColumn = prompt.utf8.count + view.cursor
        frame.rows.append(
            ScreenRow([ScreenRun(prompt, .strong), ScreenRun(view.text, .plain)]))
    }

    private static func middle(
        _ state: inout ScreenState, rows: Int, columns: Int
    ) -> [ScreenRow] {
        var room = rows
        var below: [ScreenRow] = []
        if !state.candidates.isEmpty, room > 1 {
            let shown = state.candidates.map(ScreenText.clean).joined(separator: "  ")
            below = [ScreenRow(ScreenText.cut(shown, columns), .chosen)]
            room -= 1
        }
        if state.log.scrolledBack > 0, state.panel == nil, room > 1, below.isEmpty {
            below = [ScreenRow(ScreenText.cut("-- more below: Page Down --", columns), .faint)]
            room -= 1
        }
        let above =
            switch state.panel {
            case .help(let first):
                ScreenPanels.help(
                    first: first, talkKey: state.talkKey, rows: room, columns: columns)
            case .invite: ScreenPanels.invite(state, rows: room, columns: columns)
            case .settings(let chosen):
                ScreenPanels.settings(state, chosen: chosen, rows: room, columns: columns)
            case nil: state.log.rows(room, columns: columns)
            }
        return above + below
    }
}
