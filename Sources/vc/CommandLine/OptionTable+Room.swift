internal import VCCore

extension Option {
    /// The commands that make a call.
    static let calls: [Command] = [.host, .join, .tune]

    /// Who we are to the others.
    static let roomTable: [Option] = [
        value(
            "name", .text("NAME"), .room, calls, \.call.name,
            expected: "a name that can be seen, of at most 32 characters",
            "shown to the others; default guest-WORD, never the login name"
        ) { text in
            let name = DisplayText(name: text)
            return name.isEmpty || name.wasCut ? nil : name
        },
        toggle(
            "open", .room, [.tune], \.acceptsWeakPhrase, "accept a phrase that can be guessed"),
    ]

    /// How the others are reached.
    static let networkTable: [Option] = [
        value(
            "signal", .text("HOST[:PORT]"), .network, calls + [.doctor], \.call.signal,
            expected: "a host name or address, perhaps with :PORT behind it",
            "the signaling server"
        ) { ServerName($0) },
        value(
            "signal-token-file", .file("FILE"), .network, [.host, .tune, .doctor],
            \.call.signalToken,
            expected: "a file",
            "opens the room on a server that asks for a token, the first line of FILE; also "
                + "$VC_SIGNAL_TOKEN"
        ) { $0.isEmpty ? nil : .file($0) },
        value(
            "advertise", .text("HOST[:PORT]"), .network, [.host], \.call.advertise,
            expected: "a host name or address, perhaps with :PORT behind it",
            "the address to print in the code when the signaling server runs inside; default: "
                + "the default route's"
        ) { ServerName($0) },
        value(
            "listen", .text("[ADDR:]PORT"), .network, calls, \.call.listen,
            expected: "a port from 1 to 65535, perhaps with an address in front",
            "local UDP port; default: random, 4460 when the signaling server runs inside"
        ) { ListenAddress($0) },
        toggle(
            "no-lan", .network, [.host, .join, .doctor], \.call.usesLocalNetwork, sets: false,
            "neither look for the room in the local network nor answer there; without it everybody "
                + "there can see which room numbers are open and looked for"),
        toggle(
            "relay-only", .network, calls, \.isRelayOnly,
            "talk through relays only: the others see no address of yours; without it every "
                + "member sees the addresses of your machine and of your router"),
        toggle("no-direct", .network, calls, \.isNotDirect, "do not send directly to the others"),
        toggle(
            "no-relay", .network, calls, \.call.rungs.allowsRelay, sets: false,
            "do not use relays"),
        toggle(
            "no-host-forward", .network, calls, \.call.rungs.allowsHost, sets: false,
            "do not send through the host; as host, do not forward"),
        value(
            "allow", .text("NETWORKS"), .network, calls, \.call.rungs.allowed,
            expected: "1 to 16 networks as in 192.168.0.0/16,2001:db8::/32",
            "meet others directly only in these networks, ADDRESS[/BITS][,...]: what comes "
                + "straight from elsewhere is not looked at; relays still pass on from wherever "
                + "they are, the host only from such a network", read: readNetworks),
        value(
            "keepalive", .text("MS"), .network, calls, \.call.keepalive, standard: "200",
            expected: "a number from 50 to 200",
            "how often something is sent while you are silent, 50 to 200 (default) ms"
        ) { decimalInteger($0, in: KeepaliveSettings.intervals) },
        value(
            "keepalive-misses", .text("N"), .network, calls, \.call.keepaliveMisses,
            standard: "2", expected: "a number from 2 to 10",
            "so many of a member's missing in a row, and another path is taken, 2 (default) to "
                + "10: more stays longer on a path that fails for a moment"
        ) { decimalInteger($0, in: KeepaliveSettings.missesRange) },
        toggle(
            "no-birthday", .network, calls, \.call.rungs.allowsBirthday, sets: false,
            "do not try many ports against a NAT that hides its own"),
    ]

    /// What is shown, and until when.
    static let outputTable: [Option] = [
        toggle(
            "plain", .output, calls + [.doctor], \.call.isPlain,
            "lines for people, also for screen readers, instead of the full-screen interface"),
        toggle(
            "json", .output, calls + [.demo, .doctor, .devices, .config], \.call.isJSON,
            "one JSON object per line, for programs; `vc help events` tells what stands there"),
        value(
            "record", .file("FILE"), .output, calls, \.call.record, expected: "a file",
            "write what you hear and say to FILE, which ends in .opus, .ogg, .flac or .wav; "
                + "everybody in the room is told", read: anyText),
        value(
            "exec", .file("COMMAND"), .output, calls, \.call.exec, expected: "a program",
            "run the program COMMAND on each event, its fields in the environment: $VC_EVENT, "
                + "$VC_EVENT_TEXT and so on, $VC_EVENT_JSON for all of it; codes and phrases are "
                + "left out", read: anyText),
        value(
            "duration", .text("SECONDS"), .output, calls, \.call.duration,
            expected: "a number of seconds", "leave after that", read: readDuration),
        value(
            "out", .folder("DIR"), .output, [.demo], \.directory, expected: "a directory",
            "write the recordings into DIR", read: anyText),
        value(
            "config", .file("FILE"), .output, calls + [.doctor, .demo, .devices, .config],
            \.configuration, standard: "$XDG_CONFIG_HOME/vc/config", expected: "a file",
            "read the settings from FILE; default $XDG_CONFIG_HOME/vc/config", read: anyText),
        toggle("man", .output, [.help], \.isManualPage, "print the man page, for `man -l -`"),
    ]

    @Sendable private static func readNetworks(_ text: String) -> AddressNetworks? {
        let parts = text.split(separator: ",", omittingEmptySubsequences: false)
        let networks = parts.compactMap { AddressNetwork(String($0)) }
        return networks.count == parts.count ? AddressNetworks(networks) : nil
    }

    /// No call is planned for longer than a year.
    private static let longestDuration = 366.0 * 86_400

    @Sendable private static func readDuration(_ text: String) -> Duration? {
        guard let seconds = decimalNumber(text), seconds > 0, seconds <= longestDuration else {
            return nil
        }
        return .milliseconds(Int64((seconds * 1_000).rounded(.up)))
    }
}
