/// The table of slash commands: what `/help` shows and the parser knows.
enum SlashHelp {
    enum Kind {
        case help, who, name, announce, end, invite, mute, deafen, gain, whisper, all, devices
        case stats, debug, quit
        case kick, lock, unlock, verify, same
        case talk, settings
        case record, capture, playback, equalizer, leveling, limiter, tones
    }

    struct Entry {
        let kind: Kind
        /// Without the slash; the first is the one that the help shows.
        let names: [String]
        let usage: String
        let summary: String

        /// With its other names.
        var fullSummary: String {
            summary + names.dropFirst().map { " (also /\($0))" }.joined()
        }
    }

    static let entries: [Entry] = [
        Entry(
            kind: .help, names: ["help"], usage: "/help [COMMAND]",
            summary: "list the commands, or explain one"),
        Entry(kind: .who, names: ["who"], usage: "/who", summary: "list who is in the room"),
        Entry(
            kind: .name, names: ["name", "nick"], usage: "/name NAME",
            summary: "change your name, at most 32 characters"),
        Entry(
            kind: .announce, names: ["announce"], usage: "/announce on|off",
            summary: "say in a line who talks"),
        Entry(
            kind: .mute, names: ["mute"], usage: "/mute", summary: "close or open your microphone"),
        Entry(
            kind: .talk, names: ["talk"], usage: "/talk open|voice|ptt",
            summary: "microphone always open, opened by voice, or held open by a key"),
        Entry(
            kind: .deafen, names: ["deafen"], usage: "/deafen",
            summary: "close or open your loudspeakers"),
        Entry(
            kind: .gain, names: ["gain"], usage: "/gain NAME DB",
            summary: "make one member louder or softer, -60 to 20 dB"),
        Entry(
            kind: .whisper, names: ["whisper"], usage: "/whisper NAME…",
            summary: "talk and write to these members only"),
        Entry(
            kind: .all, names: ["all"], usage: "/all",
            summary: "talk and write to everybody again"),
        Entry(
            kind: .verify, names: ["verify"], usage: "/verify",
            summary: "show safety words: read them to each other by voice, and nobody is between"),
        Entry(
            kind: .same, names: ["same"], usage: "/same",
            summary: "the words were the same for all: mark everybody as verified"),
        Entry(
            kind: .invite, names: ["invite"], usage: "/invite [once]",
            summary: "show the code again, or make one that lets one guest in once (host)"),
        Entry(
            kind: .kick, names: ["kick"], usage: "/kick NAME",
            summary: "remove somebody; the code changes (host)"),
        Entry(
            kind: .lock, names: ["lock"], usage: "/lock", summary: "let nobody in (host)"),
        Entry(
            kind: .unlock, names: ["unlock"], usage: "/unlock",
            summary: "let people in again (host)"),
        Entry(
            kind: .settings, names: ["settings"], usage: "/settings",
            summary: "show how vc is set, and change it"),
        Entry(
            kind: .devices, names: ["devices"], usage: "/devices",
            summary: "list the microphones and loudspeakers"),
        Entry(
            kind: .capture, names: ["capture"], usage: "/capture DEV",
            summary: "record from another microphone: alsa:NAME, file:PATH, tone[:HZ] or silence"),
        Entry(
            kind: .playback, names: ["playback"], usage: "/playback DEV",
            summary: "play on another loudspeaker: alsa:NAME, file:PATH or silence"),
        Entry(
            kind: .equalizer, names: ["equalizer", "eq"], usage: "/equalizer LOW MID HIGH",
            summary: "change what you hear by -12 to 12 dB in three bands, or `off`"),
        Entry(
            kind: .leveling, names: ["leveling"], usage: "/leveling on|off",
            summary: "make everybody equally loud"),
        Entry(
            kind: .limiter, names: ["limiter"], usage: "/limiter on|off",
            summary: "turn down what is too loud when several talk, or cut it off"),
        Entry(
            kind: .tones, names: ["tones"], usage: "/tones on|off",
            summary: "a tone when somebody comes or goes"),
        Entry(
            kind: .record, names: ["record"], usage: "/record FILE|off",
            summary: "write what you hear and say to a file; everybody is told"),
        Entry(
            kind: .stats, names: ["stats"], usage: "/stats",
            summary: "show what is measured: path, delay, loss"),
        Entry(
            kind: .debug, names: ["debug"], usage: "/debug",
            summary: "show what helps to find a mistake: addresses, counters, how vc encodes"),
        Entry(
            kind: .end, names: ["end"], usage: "/end", summary: "close the room for all (host)"),
        Entry(kind: .quit, names: ["quit"], usage: "/quit", summary: "leave"),
    ]

    /// The lines of `/help`, or of `/help COMMAND`; nil when there is no such command.
    static func lines(topic: String?) -> [String]? {
        let shown = entries.filter { topic == nil || $0.names.contains(topic ?? "") }
        guard !shown.isEmpty else { return nil }
        return shown.map { entry in
            let gap = String(repeating: " ", count: max(1, 22 - entry.usage.count))
            return entry.usage + gap + entry.fullSummary
        }
    }
}
