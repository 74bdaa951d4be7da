internal import VCCore

/// A member as it is shown.
struct ScreenMember: Equatable {
    let number: Int
    var name: DisplayText
    var isOwn = false
    var isHost = false
    var isVerified = false
    var isMuted = false
    var isTalking = false
    var isWhispering = false
    /// Whether it writes what it hears to a file.
    var isRecording = false
    /// Not heard of for some seconds.
    var isLost = false
    var rung: Rung?
    var roundTripMilliseconds: Double?
    var mouthToEarMilliseconds: Double?
    /// In -dBov: 0 the loudest, 127 silence.
    var level: UInt8 = 127
    var loss = LossWindow()

    var identity: MemberName { MemberName(number: number, name: name) }
}

/// What share of a member's voice did not come, over the last seconds.
struct LossWindow: Equatable {
    /// As many looks, one a second, are counted.
    static let looks = 5
    private var counts: [(lost: UInt64, all: UInt64)] = []

    /// Notes the counts since the start. One that falls begins anew.
    mutating func note(lost: UInt64, all: UInt64) {
        if let last = counts.last, lost < last.lost || all < last.all { counts = [] }
        counts.append((lost, all))
        if counts.count > Self.looks + 1 { counts.removeFirst() }
    }

    /// In percent; nil while nothing was to be heard.
    var percent: Double? {
        guard let first = counts.first, let last = counts.last, last.all > first.all else {
            return nil
        }
        return min(100, 100 * Double(last.lost - first.lost) / Double(last.all - first.all))
    }

    static func == (left: Self, right: Self) -> Bool {
        left.counts.elementsEqual(right.counts) { $0 == $1 }
    }
}

/// Everything that the screen shows. Events and keys change it; `ScreenLayout` makes rows of it.
struct ScreenState {
    enum Panel: Equatable {
        case help(firstLine: Int)
        case invite
        case settings(chosen: Int)
    }

    var members: [ScreenMember] = []
    var log = ScreenLog()
    var editor = LineEditor()
    var microphone: MicrophoneControl
    /// The key that is held to talk.
    var talkKey = TalkKey.usual
    var isDeafened = false
    /// Who hears us while we whisper; nil when all do.
    var whisperTo: String?
    var roomCode: ShownCode?
    var oneTimeCode: ShownCode?
    /// Of `vc tune`: what others say to come in.
    var phrase: ShownCode?
    /// What a room is called whose code we do not know.
    var roomName = ""
    var panel: Panel?
    /// What Tab found, until the next key.
    var candidates: [String] = []
    var problems = ProblemList()
    /// Whether the terminal tells when a key goes up; nil before it has answered.
    var tellsRelease: Bool?
    /// What F3 shows and changes.
    var settings: [ScreenSetting] = []
    /// What Tab knows of devices.
    var devices: [String] = []
    /// Minutes since midnight, at the last event.
    var minutes = 0
    var announcesTalking = false
    var hasExplainedTalkKey = false
    private(set) var ownNumber: Int?
    /// Makes the sentences, so that an event reads the same everywhere.
    private var plain = PlainText(usesColor: false)

    private var ownName: DisplayText

    /// We have another name.
    mutating func rename(to name: DisplayText) { ownName = name }

    init(microphone: MicrophoneControl, ownName: DisplayText) {
        self.microphone = microphone
        self.ownName = ownName
    }

    /// We are the host, under this code.
    mutating func opened(_ code: ShownCode) {
        roomCode = code
        guard ownNumber == nil else { return }
        joined(1, [MemberName(number: 1, name: ownName)] + members.map(\.identity))
        setHost(1)
    }

    /// The others' names.
    var names: [String] { members.filter { !$0.isOwn }.map(\.name.text) }

    func place(of number: Int) -> Int? { members.firstIndex { $0.number == number } }
}

// MARK: - Events

extension ScreenState {
    mutating func apply(_ event: CallEvent) {
        // Every event passes through, because sentences name members by what was told before.
        plain.announcesTalking = announcesTalking
        let sentences = plain.lines(for: event, at: 0).map(\.text)
        switch event {
        case .chat(let message):
            let name = message.name.text + whispered(message.to)
            add(.chat(name: name, isOwn: false), message.text.text)
            return
        case .sent(_, let text, let to):
            add(.chat(name: ownName.text + whispered(to), isOwn: true), text.text)
            return
        case .whispering(let isOn, let to):
            whisperTo = isOn ? names(of: to) : nil
        case .joined(let number, let present): joined(number, present)
        case .member(let change): apply(change)
        case .renamed(let member, let name):
            change(member) { $0.name = name }
            if member == ownNumber ?? 1 { rename(to: name) }
        case .path(let member, let rung, let roundTrip, _):
            change(member) {
                $0.rung = rung
                $0.roundTripMilliseconds = roundTrip ?? $0.roundTripMilliseconds
            }
        case .talking(let member, let isOn, let isWhisper):
            change(member) {
                $0.isTalking = isOn
                $0.isWhispering = isWhisper
            }
        case .muted(let member, let isOn): change(member) { $0.isMuted = isOn }
        case .recording(let member, let isOn): change(member) { $0.isRecording = isOn }
        case .statistics(let statistics): apply(statistics)
        case .verified(let members):
            for member in members { change(member.number) { $0.isVerified = true } }
        case .warning(let kind, let message, let device):
            problems.note(kind, message, device: device)
            add(.problem, message)
            return
        case .error(let kind, let message):
            problems.note(kind, message)
            add(.problem, message)
            return
        // Only their sentences are shown.
        default: break
        }
        for sentence in sentences {
            add(.notice, sentence.hasPrefix("* ") ? String(sentence.dropFirst(2)) : sentence)
        }
    }

    /// ` (to ana, ben)`, where not everybody gets it.
    private func whispered(_ to: [Int]) -> String {
        to.isEmpty ? "" : " (to \(names(of: to)))"
    }

    private func names(of numbers: [Int]) -> String {
        let names = numbers.map { number in
            number == ownNumber ? "you" : place(of: number).map { members[$0].name.text } ?? "?"
        }
        return names.joined(separator: ", ")
    }

    mutating func add(_ kind: ScreenLog.Kind, _ text: String) {
        log.add(ScreenLog.Entry(minutes: minutes, kind: kind, text: text))
    }

    private mutating func change(_ number: Int, _ body: (inout ScreenMember) -> Void) {
        guard let place = place(of: number) else { return }
        body(&members[place])
    }

    fileprivate mutating func joined(_ number: Int, _ present: [MemberName]) {
        ownNumber = number
        members = present.map { member in
            var shown = ScreenMember(number: member.number, name: member.name)
            shown.isOwn = member.number == number
            shown.isMuted = shown.isOwn && microphone.isToldMuted
            return shown
        }
        members.sort { $0.number < $1.number }
    }

    private mutating func apply(_ change: MemberChange) {
        guard !change.becameHost else { return setHost(change.number) }
        switch change.state {
        case .left, .removed: members.removeAll { $0.number == change.number && !$0.isOwn }
        case .joined, .lost, .back:
            if place(of: change.number) == nil {
                members.append(ScreenMember(number: change.number, name: change.name))
                members.sort { $0.number < $1.number }
            }
            self.change(change.number) { member in
                if !change.name.isEmpty { member.name = change.name }
                member.isHost = change.isHost
                member.isVerified = change.isVerified
                member.isLost = change.state == .lost
            }
        }
    }

    private mutating func apply(_ statistics: CallStatistics) {
        for counted in statistics.members {
            change(counted.number) { member in
                member.rung = counted.rung ?? member.rung
                member.roundTripMilliseconds =
                    counted.roundTripMilliseconds ?? member.roundTripMilliseconds
                member.mouthToEarMilliseconds = counted.mouthToEarMilliseconds
                member.loss.note(
                    lost: counted.lost + counted.late, all: counted.received + counted.lost)
            }
        }
    }

    /// Says who is the host, where no event does: the room as it was when we came.
    mutating func setHost(_ number: Int?) {
        for place in members.indices { members[place].isHost = members[place].number == number }
    }

    /// Notes how loud everybody is; returns whether anything that is shown changed.
    mutating func setLevels(_ level: (ScreenMember) -> UInt8) -> Bool {
        var isChanged = false
        for place in members.indices {
            let new = level(members[place])
            isChanged =
                isChanged || LevelMeter.cells(new) != LevelMeter.cells(members[place].level)
            members[place].level = new
        }
        return isChanged
    }
}
