/// One line of the settings.
struct ScreenSetting: Equatable {
    enum Kind: Equatable {
        /// How the microphone is opened.
        case talk
        case mute
        case deafen
        case announce
        case leveling
        case tones
        /// Only told.
        case fixed
    }

    let kind: Kind
    let title: String
    let value: String
}

/// What the person changed there.
enum SettingChange: Equatable {
    case talk(TalkMode)
    case mute
    case deafen
    case announce(Bool)
    case leveling
    case tones
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
