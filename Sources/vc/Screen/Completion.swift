internal import VCCore

/// What Tab makes of the line: commands, their operands, and names of members.
struct Completion {
    /// The names of the others.
    var names: [String] = []
    /// What /capture and /playback take.
    var devices: [String] = []

    struct Result: Equatable {
        /// What stands left of the cursor now.
        var left: String
        /// What may be meant, when that is several.
        var candidates: [String] = []
    }

    /// Whether what stands left of the cursor is a command with the beginning of a device.
    static func wantsDevice(_ left: String) -> Bool {
        guard left.hasPrefix("/"), let space = left.firstIndex(of: " ") else { return false }
        let command = left[left.index(after: left.startIndex)..<space].lowercased()
        let entry = SlashHelp.entries.first { $0.names.contains(command) }
        return entry?.usage.hasSuffix(" DEV") ?? false
    }

    /// Nil when nothing fits.
    func complete(_ left: String) -> Result? {
        guard left.hasPrefix("/"), !left.hasPrefix("//") else { return completeName(left) }
        guard let space = left.firstIndex(of: " ") else {
            let commands = SlashHelp.entries.map { "/" + $0.names[0] }
            return choose(left.lowercased(), among: commands, before: "", after: " ")
        }
        let command = left[left.index(after: left.startIndex)..<space].lowercased()
        guard let entry = SlashHelp.entries.first(where: { $0.names.contains(command) }) else {
            return nil
        }
        let before = String(left[...space])
        let typed = String(left[left.index(after: space)...])
        return choose(typed, among: operands(of: entry), before: before, after: " ")
    }

    /// What may stand behind a command, told by how its help spells it.
    private func operands(of entry: SlashHelp.Entry) -> [String] {
        guard entry.kind != .name,
            let operand = entry.usage.split(separator: " ").dropFirst().first
        else { return [] }
        let spelled = operand.filter { $0 != "[" && $0 != "]" && $0 != "…" }
        switch spelled {
        case "NAME": return names
        case "DEV": return devices
        case "COMMAND": return SlashHelp.entries.map { $0.names[0] }
        default:
            let words = spelled.split(separator: "|").map(String.init)
            return words.filter { $0 == $0.lowercased() }
        }
    }

    /// A member's name at the end of a message; at its beginning it is spoken to.
    private func completeName(_ left: String) -> Result? {
        var start = left.endIndex
        // A name may have spaces in it: the longest end of the line that begins one.
        var best: Result?
        while true {
            let isWordStart = start == left.startIndex || left[left.index(before: start)] == " "
            let typed = String(left[start...])
            if isWordStart, !typed.isEmpty {
                let before = String(left[..<start])
                let after = before.isEmpty ? ": " : " "
                best = choose(typed, among: names, before: before, after: after) ?? best
            }
            guard start > left.startIndex else { return best }
            start = left.index(before: start)
        }
    }

    private func choose(
        _ typed: String, among candidates: [String], before: String, after: String
    ) -> Result? {
        let lowered = typed.lowercased()
        let found = candidates.filter { $0.lowercased().hasPrefix(lowered) }
        guard let first = found.first else { return nil }
        guard found.count > 1 else {
            // What ends in a colon is a beginning: the name of the file follows.
            return Result(left: before + first + (first.hasSuffix(":") ? "" : after))
        }
        var common = first
        for candidate in found {
            while !candidate.lowercased().hasPrefix(common.lowercased()) { common.removeLast() }
        }
        // Never shorter than what was typed.
        let kept = common.count >= typed.count ? common : typed
        return Result(left: before + kept, candidates: found)
    }
}
