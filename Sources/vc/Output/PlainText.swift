internal import VCCore

/// `--plain`: lines for people, scripts and screen readers. A line that was printed is never
/// touched again, and nothing is printed periodically.
struct PlainText: EventRenderer {
    /// Whether bold and red may be used; see `allowsColor`.
    private let usesColor: Bool
    /// `/announce on`: say who talks.
    var announcesTalking = false
    /// The host's is 1.
    private var ownNumber = 1
    private var names: [Int: DisplayText] = [:]
    /// Our own last messages, the oldest first, to show which one was not delivered.
    private var sent: [(id: UInt64, text: DisplayText)] = []
    private var undelivered: [Delivery] = []
    /// Who was last heard to whisper.
    private var whisperers: Set<Int> = []

    private struct Delivery: Equatable {
        let id: UInt64
        let member: Int
    }

    /// How many of our messages are remembered; an older one is called by its number.
    static let rememberedMessages = 64

    init(usesColor: Bool) {
        self.usesColor = usesColor
    }

    /// Colour only where somebody sees it and did not forbid it (no-color.org).
    static func allowsColor(isTerminal: Bool, noColor: String?, term: String?) -> Bool {
        isTerminal && (noColor ?? "").isEmpty && term != "dumb" && !(term ?? "").isEmpty
    }

    func writeCode(
        _ code: borrowing RoomCode, isOneTime: Bool, at seconds: Double,
        into writer: inout ByteWriter
    ) {
        writer.write(
            text: isOneTime
                ? "A code for one guest, who can use it once, is\n\n    "
                : "The room code is\n\n    ")
        code.write(into: &writer)
        writer.write(
            text: isOneTime
                ? "\n\nYour guest pastes\n\n    vc join "
                : "\n\nYour friends paste\n\n    vc join ")
        code.write(into: &writer)
        writer.write(text: "\n\n")
    }

    mutating func lines(for event: CallEvent, at seconds: Double) -> [OutputLine] {
        switch event {
        case .reach(let reach): return reach.sentences.map { OutputLine("* \($0)") }
        case .searching(let nameplate, nil):
            return [OutputLine("* looking for room \(nameplate) in this network")]
        case .searching(let nameplate, let server?):
            return [OutputLine("* room \(nameplate) answers at \(server); trying the code there")]
        case .waiting:
            return [OutputLine("* nobody else is here yet; who says the same phrase comes in")]
        case .joined(let number, let members): return joined(number, members)
        case .member(let change): return [OutputLine(line(for: change))]
        case .renamed(let member, let name):
            let old = self.name(member)
            names[member] = name
            guard member != ownNumber else {
                return [OutputLine("* you are called \(name.text) now")]
            }
            return [OutputLine("* \(old) is now called \(name.text)")]
        case .path(let member, let rung, let roundTrip, let why):
            let time = roundTrip.flatMap { fixedDecimal($0, decimals: 0) }.map { ", \($0) ms" }
            return [
                OutputLine(
                    "* \(name(member)) is reached \(rung.sentence)\(time ?? ""): \(safe(why))")
            ]
        case .voice(let member): return [OutputLine("* you hear \(name(member))")]
        case .talking(let member, let isOn, let isWhisper):
            return talking(member, isOn, isWhisper)
        case .whispering(let isOn, let to): return whispering(isOn, to)
        case .chat(let message):
            let listeners = message.to.isEmpty ? "" : " (to \(listing(message.to.map(listener))))"
            return [OutputLine("\(bold(message.name.text))\(listeners): \(message.text)")]
        case .muted(let member, let isOn):
            let who = member == ownNumber ? "you" : name(member)
            return [OutputLine("* \(who) \(isOn ? "closed" : "opened") the microphone")]
        case .recording(let member, let isOn): return [OutputLine(recording(member, isOn))]
        case .sent(let id, let text, _):
            sent.append((id, text))
            if sent.count > Self.rememberedMessages { sent.removeFirst() }
            return []
        case .delivery(let id, let member, let isDelivered):
            return delivery(Delivery(id: id, member: member), isDelivered)
        case .statistics: return []
        case .guess(let failed, let budget):
            return [OutputLine("* somebody tried a wrong code (\(failed) of \(budget) tries)")]
        case .safety(let words, let run): return safety(words, run)
        case .verified(let members):
            let names = listing(members.map(\.name.text))
            return [OutputLine("* verified: \(names.isEmpty ? "nobody who is here" : names)")]
        case .locked(let isOn):
            return [
                OutputLine(
                    isOn
                        ? "* the room is locked: nobody can join"
                        : "* the room is open: people with the code can join")
            ]
        case .codeUsed(let nameplate):
            return [OutputLine("* the code of number \(nameplate) was used, and is spent")]
        case .warning(_, let message, _):
            return [OutputLine("vc: \(safe(message))", on: .diagnostics)]
        case .error(_, let message):
            return [OutputLine("vc: error: \(safe(message))", on: .diagnostics)]
        case .left(let reason): return [OutputLine("* \(safe(reason))")]
        }
    }

    /// The answer to `/stats`: one line for each member and one for this machine.
    func lines(for statistics: CallStatistics) -> [OutputLine] {
        func milliseconds(_ value: Double?) -> String {
            value.flatMap { fixedDecimal($0, decimals: 0) }.map { "\($0) ms" } ?? "not measured yet"
        }
        var lines = statistics.members.map { member in
            OutputLine(
                "* \(name(member.number)): "
                    + "\(member.rung.map { $0.sentence } ?? "not connected"), "
                    + "round trip \(milliseconds(member.roundTripMilliseconds)), "
                    + "mouth to ear \(milliseconds(member.mouthToEarMilliseconds)), "
                    + "buffer \(milliseconds(member.bufferMilliseconds)), "
                    + "jitter \(milliseconds(member.jitterMilliseconds)); "
                    + "\(member.sent) frames sent, \(member.received) received, "
                    + "\(member.lost) lost, \(member.late) late, \(member.concealed) concealed")
        }
        lines.append(
            OutputLine(
                "* this machine: \(fixedDecimal(statistics.cpuPercent, decimals: 1) ?? "?") % "
                    + "of one core, \(statistics.residentBytes / 1_048_576) MiB, "
                    + "\(statistics.captureXruns) capture and \(statistics.playbackXruns) "
                    + "playback gaps" + (statistics.isMuted ? ", microphone closed" : "")))
        return lines
    }

    private func safety(_ words: String, _ run: Int) -> [OutputLine] {
        let count = run == 1 ? "the first comparison" : "comparison \(run)"
        return [
            OutputLine("* safety words: \(bold(words)) (\(count) since you are here)"),
            OutputLine(
                "* let everybody read them aloud, or compare them in a way outside this room: if "
                    + "all have the same ones, type /same; if not, somebody sits between you"),
        ]
    }

    private mutating func joined(_ number: Int, _ members: [MemberName]) -> [OutputLine] {
        ownNumber = number
        for member in members { names[member.number] = member.name }
        let others = members.filter { $0.number != number }.map(\.name.text)
        guard !others.isEmpty else {
            return [OutputLine("* you are in the room as \(name(number)), alone so far")]
        }
        return [
            OutputLine("* you are in the room as \(name(number)), with \(listing(others))")
        ]
    }

    private mutating func line(for change: MemberChange) -> String {
        let before = names[change.number]
        names[change.number] = change.name
        let who = bold(change.name.isEmpty ? name(change.number) : change.name.text)
        if change.becameHost { return "* \(who) is the host now" }
        switch change.state {
        case .joined:
            if let before, before != change.name { return "* \(before) is now \(who)" }
            return "* \(who) joined" + (change.isHost ? " and is the host" : "")
        case .left: return "* \(who) left"
        case .removed: return "* \(who) was removed"
        case .lost: return "* \(who) is not heard any more; waiting for the connection"
        case .back: return "* \(who) is back" + (change.isHost ? " and is the host" : "")
        }
    }

    /// That somebody whispers is said once, also where it is not said who talks: it is not for
    /// everybody's ears, and an answer to everybody would be a mistake.
    private mutating func talking(
        _ member: Int, _ isOn: Bool, _ isWhisper: Bool
    ) -> [OutputLine] {
        let isNews = isOn && member != ownNumber && whisperers.contains(member) != isWhisper
        if isNews, isWhisper {
            whisperers.insert(member)
            return [OutputLine("* \(name(member)) whispers to you")]
        }
        if isNews {
            whisperers.remove(member)
            return [OutputLine("* \(name(member)) talks to everybody again")]
        }
        guard announcesTalking else { return [] }
        let verb = isWhisper ? "whispers" : "talks"
        return [OutputLine("* \(name(member)) \(isOn ? verb : "stopped talking")")]
    }

    private func whispering(_ isOn: Bool, _ to: [Int]) -> [OutputLine] {
        guard isOn else { return [OutputLine("* everybody hears you")] }
        // That nobody is left is told by a warning.
        guard !to.isEmpty else { return [] }
        return [OutputLine("* only \(listing(to.map(name))) can hear and read you; /all ends that")]
    }

    private func recording(_ member: Int, _ isOn: Bool) -> String {
        // Who was not told a number has opened the room.
        if member == ownNumber {
            return isOn
                ? "* you record the call; everybody in the room is told"
                : "* you do not record any more"
        }
        let who = name(member)
        return isOn
            ? "* \(bold(who)) records the call: what is said is written to a file there"
            : "* \(who) does not record any more"
    }

    private func listener(_ number: Int) -> String {
        number == ownNumber ? "you" : name(number)
    }

    private mutating func delivery(_ delivery: Delivery, _ isDelivered: Bool) -> [OutputLine] {
        let known = undelivered.firstIndex(of: delivery)
        let text = sent.first { $0.id == delivery.id }.map { "\"\($0.text)\"" }
        let what = text ?? "message \(delivery.id)"
        if isDelivered {
            // Nothing to say unless the contrary was said.
            guard let known else { return [] }
            undelivered.remove(at: known)
            return [OutputLine("* now delivered to \(name(delivery.member)): \(what)")]
        }
        guard known == nil else { return [] }
        undelivered.append(delivery)
        if undelivered.count > Self.rememberedMessages { undelivered.removeFirst() }
        return [OutputLine("* not delivered to \(name(delivery.member)): \(what)")]
    }

    private func name(_ number: Int) -> String {
        guard let name = names[number], !name.isEmpty else { return "member \(number)" }
        return name.text
    }

    private func listing(_ names: [String]) -> String {
        guard names.count > 1 else { return names.first ?? "" }
        return names.dropLast().joined(separator: ", ") + " and " + (names.last ?? "")
    }

    private func safe(_ text: String) -> String { DisplayText(message: text).text }
    private func bold(_ text: String) -> String { usesColor ? "\u{1B}[1m\(text)\u{1B}[0m" : text }
}

extension Rung {
    /// As it stands in a sentence.
    var sentence: String {
        switch self {
        case .direct: "directly"
        case .host: "through the host"
        case .relay: "through a relay"
        case .tcp: "through a relay over TCP"
        }
    }
}
