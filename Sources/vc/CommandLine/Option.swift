/// The options of this version. One table for the parser and the help, so that neither knows one
/// that the other does not.
enum Option: String, CaseIterable {
    case signal
    case signalTokenFile = "signal-token-file"
    case advertise, listen, name, muted, raw, capture, playback, talk, steady, bitrate
    case frame, plain, json, duration, open, out, record, equalizer, headset, insert
    case noLeveling = "no-leveling"
    case noTones = "no-tones"
    case noNoiseSuppression = "no-noise-suppression"
    case noGainControl = "no-gain-control"
    case relayOnly = "relay-only"
    case noDirect = "no-direct"
    case noRelay = "no-relay"
    case noHostForward = "no-host-forward"
    case noBirthday = "no-birthday"

    /// As it is typed.
    var spelling: String { "--" + rawValue }

    /// What the value stands for; nil for an option without one.
    var value: String? {
        switch self {
        case .signal: "HOST[:PORT]"
        case .advertise: "HOST[:PORT]"
        case .listen: "[ADDR:]PORT"
        case .name: "NAME"
        case .capture, .playback: "DEV"
        case .talk: "open|voice|ptt"
        case .bitrate: "N"
        case .frame: "MS"
        case .duration: "SECONDS"
        case .signalTokenFile, .record: "FILE"
        case .equalizer: "LOW,MID,HIGH"
        case .out: "DIR"
        case .insert: "PLUGIN"
        case .muted, .raw, .steady, .plain, .json, .relayOnly, .noDirect, .noRelay, .noHostForward,
            .noBirthday, .open, .noLeveling, .noTones, .headset, .noNoiseSuppression,
            .noGainControl:
            nil
        }
    }

    /// The commands that take it.
    var commands: [Command] {
        switch self {
        case .advertise: [.host]
        case .signalTokenFile: [.host, .tune]
        case .open: [.tune]
        case .out: [.demo]
        case .json: [.host, .join, .tune, .demo, .doctor, .devices]
        case .signal, .capture, .playback, .plain: [.host, .join, .tune, .doctor]
        case .listen, .name, .muted, .raw, .talk, .steady, .bitrate, .frame, .duration, .relayOnly,
            .noDirect, .noRelay, .noHostForward, .noBirthday, .record, .equalizer, .noLeveling,
            .noTones, .headset, .noNoiseSuppression, .noGainControl, .insert:
            [.host, .join, .tune]
        }
    }

    /// What it does.
    var summary: String {
        switch self {
        case .signal: "the signaling server; also $VC_SIGNAL"
        case .signalTokenFile:
            "opens the room on a server that asks for a token, the first line of FILE; also "
                + "$VC_SIGNAL_TOKEN"
        case .advertise:
            "the address to print in the code when the signaling server runs inside; "
                + "default: the default route's"
        case .listen:
            "local UDP port; default: random, 4460 when the signaling server runs inside"
        case .name: "shown to the others; default guest-WORD, never the login name"
        case .muted: "start with the microphone closed"
        case .raw:
            "leave the sound of the microphone as it is: no echo cancellation, noise suppression "
                + "or gain control"
        case .headset:
            "no echo cancellation, because nobody hears your loudspeakers: 7 ms less delay"
        case .noNoiseSuppression: "leave fans and other steady noise in: 6 ms less delay"
        case .noGainControl: "leave your voice as loud or soft as it is"
        case .insert:
            "send your voice through ladspa:FILE:LABEL[,CONTROL=VALUE...] before it is encoded; "
                + "FILE is a path, or a name in /usr/lib/ladspa or $LADSPA_PATH"
        case .capture:
            "where to record: alsa:NAME, file:PATH, tone[:HZ] or silence; default alsa:default"
        case .playback: "where to play: alsa:NAME, file:PATH or silence; default alsa:default"
        case .talk:
            "microphone always open, opened by voice (default), or held open by a key: F4, or `vc "
                + "ptt` on a key of the desktop"
        case .steady: "constant packets, so that nobody can see when you talk"
        case .bitrate:
            "bits per second of your voice, 6000 to 128000; default 48000, 64000 with --frame 2.5"
        case .frame: "length of a frame: 2.5, 5, 10 (default) or 20 ms"
        case .plain:
            "lines for people, also for screen readers, instead of the full-screen interface"
        case .json: "one JSON object per line, for programs"
        case .duration: "leave after that"
        case .relayOnly:
            "talk through relays only: the others see no address of yours; without it every "
                + "member sees the addresses of your machine and of your router"
        case .noDirect: "do not send directly to the others"
        case .noRelay: "do not use relays"
        case .noHostForward: "do not send through the host; as host, do not forward"
        case .noBirthday: "do not try many ports against a NAT that hides its own"
        case .record:
            "write what you hear and say to FILE, which ends in .opus, .ogg, .flac or .wav; "
                + "everybody in the room is told"
        case .equalizer: "change what you hear by so many dB in three bands, -12 to 12 each"
        case .noLeveling:
            "leave everybody as loud as they are; they are made equally loud otherwise"
        case .noTones: "no tone when somebody comes or goes"
        case .open: "accept a phrase that can be guessed"
        case .out: "write the recordings into DIR"
        }
    }

    /// Options of later versions: refused by name, because ignoring one could cost the privacy
    /// that it asked for.
    static let later = [
        "exec", "config", "no-lan",
    ]
}
