internal import VCCore

/// The members: one row each with everything, several beside each other where the screen is wide,
/// and small cells where there are more members than rows.
enum MemberCells {
    /// What a cell with everything needs.
    static let wideColumns = 58
    /// What a small one needs, a gap included.
    static let smallColumns = 19

    /// - Parameter rows: of the whole screen. A third of it is for members, half of it where they
    ///   are so many; what was said matters too.
    static func rows(_ members: [ScreenMember], rows: Int, columns: Int) -> [ScreenRow] {
        guard !members.isEmpty else { return [] }
        var limit = max(2, rows / 3)
        for beside in 1...max(1, columns / wideColumns)
        where members.count <= beside * limit && columns >= wideColumns {
            let width = columns / beside
            return grid(members.map { wide($0, columns: width) }, width: width, beside: beside)
        }
        limit = max(2, rows / 2)
        let beside = max(1, columns / smallColumns)
        let width = columns / beside
        var cells = members.prefix(beside * limit).map { small($0, columns: width) }
        if members.count > cells.count {
            cells[cells.count - 1] = ScreenRow(
                ScreenText.fit("+\(members.count - cells.count + 1) more", width), .faint)
        }
        return grid(cells, width: width, beside: beside)
    }

    /// Cells column by column, so that the order runs down.
    private static func grid(_ cells: [ScreenRow], width: Int, beside: Int) -> [ScreenRow] {
        let count = (cells.count + beside - 1) / beside
        return (0..<count).map { row in
            var runs: [ScreenRun] = []
            for place in stride(from: row, to: cells.count, by: count) {
                runs += cells[place].runs
                let gap = width - cells[place].width
                if gap > 0 { runs.append(ScreenRun(spaces(gap), .plain)) }
            }
            return ScreenRow(runs)
        }
    }

    // MARK: Cells

    /// `► ana            ███░░░░░ direct  31 ms  0.2% host muted`
    private static func wide(_ member: ScreenMember, columns: Int) -> ScreenRow {
        // Of what there is more than needed, names and marks have half each.
        let spare = max(0, columns - wideColumns)
        let nameColumns = 14 + min(18, spare / 2)
        var runs = [
            ScreenRun(mark(member) + " ", .talking),
            ScreenRun(ScreenText.fit(name(member), nameColumns) + " ", nameStyle(member)),
        ]
        runs += meter(member, cells: LevelMeter.full)
        if member.isOwn {
            runs.append(ScreenRun(spaces(22), .plain))
        } else {
            let way = member.isLost ? "lost" : member.rung?.rawValue ?? "-"
            runs.append(ScreenRun(" " + ScreenText.fit(way, 6), member.isLost ? .bad : .plain))
            runs.append(ScreenRun(" " + right(milliseconds(member), 6), .plain))
            runs.append(ScreenRun(" " + right(loss(member), 6), lossStyle(member)))
        }
        let room = max(0, columns - 2 - nameColumns - 1 - LevelMeter.full - 21 - 2)
        runs.append(ScreenRun(" " + ScreenText.fit(words(member), room), .faint))
        return ScreenRow(runs)
    }

    /// `►ana       ██░ hm!`
    private static func small(_ member: ScreenMember, columns: Int) -> ScreenRow {
        let nameColumns = max(4, columns - 10)
        var runs = [
            ScreenRun(mark(member), .talking),
            ScreenRun(ScreenText.fit(name(member), nameColumns) + " ", nameStyle(member)),
        ]
        runs += meter(member, cells: 3)
        var letters = member.isOwn ? "y" : member.isHost ? "h" : ""
        if member.isMuted { letters += "m" }
        if member.isWhispering { letters += "w" }
        if member.isRecording { letters += "r" }
        let warning = lossStyle(member) == .bad ? "!" : lossStyle(member) == .fair ? "~" : ""
        runs.append(ScreenRun(" " + letters, .faint))
        runs.append(ScreenRun(warning, lossStyle(member)))
        return ScreenRow(runs)
    }

    // MARK: Parts

    private static func mark(_ member: ScreenMember) -> String {
        member.isLost ? "?" : member.isTalking ? "►" : " "
    }

    private static func name(_ member: ScreenMember) -> String {
        let name = ScreenText.clean(member.name.text)
        return name.isEmpty ? "member \(member.number)" : name
    }

    private static func nameStyle(_ member: ScreenMember) -> ScreenStyle {
        if member.isTalking { return .talking }
        return member.isOwn ? .ownName : member.isLost ? .faint : .name
    }

    private static func meter(_ member: ScreenMember, cells: Int) -> [ScreenRun] {
        let filled = member.isMuted ? 0 : LevelMeter.cells(member.level) * cells / LevelMeter.full
        return [
            ScreenRun(String(repeating: "█", count: filled), .good),
            ScreenRun(String(repeating: "░", count: cells - filled), .faint),
        ]
    }

    private static func milliseconds(_ member: ScreenMember) -> String {
        guard let delay = member.mouthToEarMilliseconds ?? member.roundTripMilliseconds,
            let text = fixedDecimal(delay, decimals: 0)
        else { return "" }
        return text + " ms"
    }

    private static func loss(_ member: ScreenMember) -> String {
        guard let percent = member.loss.percent,
            let text = fixedDecimal(percent, decimals: percent < 10 ? 1 : 0)
        else { return "" }
        return text + "%"
    }

    /// Up to 0.5 % nobody hears, up to 5 % is made up for.
    private static func lossStyle(_ member: ScreenMember) -> ScreenStyle {
        guard let percent = member.loss.percent else { return .faint }
        return percent <= 0.5 ? .good : percent <= 5 ? .fair : .bad
    }

    private static func words(_ member: ScreenMember) -> String {
        var words: [String] = []
        if member.isOwn { words.append("you") }
        if member.isHost { words.append("host") }
        if member.isRecording { words.append("REC") }
        if member.isMuted { words.append("muted") }
        if member.isWhispering { words.append("whispers") }
        if member.isVerified { words.append("verified") }
        return words.joined(separator: " ")
    }

    private static func right(_ text: String, _ columns: Int) -> String {
        spaces(columns - text.utf8.count) + text
    }

    private static func spaces(_ count: Int) -> String {
        String(repeating: " ", count: max(0, count))
    }
}

/// How a level is shown.
enum LevelMeter {
    static let full = 8
    /// Softer than this, in -dBov, is no cell; at `loudest` all of them are filled.
    private static let softest = 62
    private static let loudest = 14

    static func cells(_ level: UInt8) -> Int {
        let above = softest - Int(level)
        guard above > 0 else { return 0 }
        return min(full, above * full / (softest - loudest) + 1)
    }
}
