public import VCHelp
internal import VCCore

/// How `vc-signal` explains itself: `--help` and vc-signal(8), from one table.
public enum SignalHelp {
    /// `--help`.
    public static var text: String { page.text(width: 25) }

    /// vc-signal(8).
    public static let page = ManualPage(
        name: "vc-signal", section: 8, version: softwareVersion,
        summary: "introduce the members of vc rooms to each other",
        synopsis: ["vc-signal [OPTION...]"],
        parts: [
            .init(
                "Description",
                [
                    .text(
                        "Introduces the members of vc rooms to each other. It sees who talks to "
                            + "whom when a room is joined; it cannot read what is said, and keeps "
                            + "nothing.")
                ]),
            .init("Options", [.list(options)]),
            .init(
                "Signals",
                [
                    .text(
                        "SIGTERM and SIGINT stop new rooms, tell the hosts, and end the server "
                            + "within 3 seconds; a second signal ends it at once.")
                ]),
            .init(
                "Exit status",
                [
                    .text(
                        "Exit status: 0 stopped normally, 64 usage, 66 a file cannot be used, 69 a "
                            + "port cannot be used.")
                ]),
            .init("See also", [.text("See also `vc`(1) and `vc-relay`(8).")]),
        ])

    private static let options: [ManualPage.Entry] = [
        .init(
            "--host-token FILE",
            "open rooms only for those who have the token in the first line of FILE (16 to 256 "
                + "bytes); on the internet, use it"),
        .init(
            "--relay HOST[:PORT]", "a vc-relay that rooms may use (port 4461); may be repeated"),
        .init(
            "--key FILE",
            "the key that signs tickets for relays, made on the first start; its public half is "
                + "FILE.pub, for vc-relay --signal-key (default: $XDG_STATE_HOME/vc-signal/key)"),
        .init(
            "--listen [ADDR:]PORT",
            "local address and port, UDP and TCP (default: 4460 on all addresses)"),
        .init("--listen-tcp [ADDR:]PORT", "one more for TCP, such as 443; may be repeated"),
        .init(
            "--second-port PORT",
            "second UDP port for STUN (default: 3478, or another that is free)"
        ),
        .init("--verbose", "log rooms and addresses too"),
        .init("--help", "print this"),
        .init("--man", "print the man page, for `man -l -`"),
        .init("--version", "print the version"),
    ]
}
