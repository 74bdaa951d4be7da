/// One line of the settings: what holds, and the commands that change it.
struct ScreenSetting: Equatable {
    let title: String
    let value: String
    /// What Left and Right do; nil where that changes nothing, or not any further.
    var less: SlashCommand?
    var more: SlashCommand?
    /// How it is set, where that is not done here, or where more is possible.
    var how: String?

    /// Whether the two keys do anything.
    var isChangeable: Bool { less != nil || more != nil }
}

extension TalkMode {
    /// The modes in the order in which the settings go through them.
    static let order: [TalkMode] = [.open, .voice, .ptt]

    func next(_ step: Int) -> TalkMode {
        let place = Self.order.firstIndex(of: self) ?? 0
        return Self.order[(place + step + Self.order.count) % Self.order.count]
    }

    var sentence: String {
        switch self {
        case .open: "microphone always open"
        case .voice: "opened by voice"
        case .ptt: "held open by a key"
        }
    }
}

extension ScreenState {
    /// Shows other settings; what was chosen stays so, wherever it stands now.
    mutating func setSettings(_ new: [ScreenSetting]) {
        if case .settings(let chosen) = panel {
            let title = settings.indices.contains(chosen) ? settings[chosen].title : nil
            let place = new.firstIndex { $0.title == title } ?? min(chosen, new.count - 1)
            panel = .settings(chosen: max(0, place))
        }
        settings = new
    }
}
