internal import VCCore

/// The status line: which room, what we are doing, the delay, and the one thing that is wrong.
enum StatusLine {
    /// What a problem needs to be told at all.
    private static let leastForProblem = 26

    static func row(_ state: ScreenState, columns: Int) -> ScreenRow {
        let problem = problem(state)
        let own = ownState(state)
        let delay = delay(state)
        let fixed = own.count + delay.count + 4
        let wanted = problem.map { min($0.count + 2, leastForProblem) } ?? 0
        var runs = [ScreenRun(" ", .bar)]
        var used = 1
        if let code = state.roomCode, used + code.length + fixed + wanted <= columns {
            runs.append(ScreenRun(code, 0..<code.length, .barStrong))
            used += code.length
        } else {
            let name = state.roomCode.map { "room \($0.nameplate)" } ?? state.roomName
            runs.append(ScreenRun(name, .barStrong))
            used += name.utf8.count
        }
        func add(_ text: String, _ style: ScreenStyle) {
            guard !text.isEmpty, used < columns else { return }
            let gap = used > 1 ? "  " : ""
            let shown = ScreenText.cut(gap + ScreenText.clean(text), columns - used)
            runs.append(ScreenRun(shown, style))
            used += ScreenText.width(shown)
        }
        add(own, .bar)
        add(delay, .bar)
        if let problem {
            add(problem, .barProblem)
        } else if columns - used >= 9 {
            add("F1 help", .bar)
        }
        runs.append(ScreenRun(String(repeating: " ", count: max(0, columns - used)), .bar))
        return ScreenRow(runs)
    }

    private static func ownState(_ state: ScreenState) -> String {
        var words: [String] = []
        let microphone = state.microphone
        if microphone.isMuted, !microphone.isOpen {
            words.append("muted")
        } else if microphone.mode == .ptt {
            words.append(microphone.isHeld ? "TALKING" : hint(state))
        } else {
            words.append(microphone.isMuted ? "TALKING" : "mic open")
        }
        if state.isDeafened { words.append("deafened") }
        let recorders = state.members.filter(\.isRecording)
        if let first = recorders.first {
            let other = recorders.count == 1 ? "REC by \(first.name.text)" : "REC by several"
            words.append(recorders.contains { $0.isOwn } ? "REC" : other)
        }
        if let names = state.whisperTo { words.append("whispering to \(names)") }
        return words.joined(separator: ", ")
    }

    private static func hint(_ state: ScreenState) -> String {
        (state.tellsRelease == true ? "hold " : "") + "\(state.talkKey.spelling) to talk"
    }

    /// The longest way from a mouth to our ears, or the longest round trip.
    private static func delay(_ state: ScreenState) -> String {
        let delays = state.members.compactMap {
            $0.mouthToEarMilliseconds ?? $0.roundTripMilliseconds
        }
        guard let longest = delays.max(), let text = fixedDecimal(longest, decimals: 0) else {
            return ""
        }
        return text + " ms"
    }

    private static func problem(_ state: ScreenState) -> String? {
        if let worst = state.problems.worst { return worst }
        if let lost = state.members.first(where: { $0.isLost }) {
            return "\(lost.name.text) is not heard any more"
        }
        let worst = state.members.max { ($0.loss.percent ?? 0) < ($1.loss.percent ?? 0) }
        if let worst, let percent = worst.loss.percent, percent > 5,
            let text = fixedDecimal(percent, decimals: 0)
        {
            return "\(text) % of what \(worst.name.text) says is lost"
        }
        return nil
    }
}
