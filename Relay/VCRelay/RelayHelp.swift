internal import VCCore
public import VCHelp

/// How `vc-relay` explains itself: `--help` and vc-relay(8), from one table.
public enum RelayHelp {
    /// `--help`.
    public static var text: String { page.text(width: 26) }

    /// vc-relay(8).
    public static let page = ManualPage(
        name: "vc-relay", section: 8, version: softwareVersion,
        summary: "forward sealed packets between members of vc rooms",
        synopsis: ["vc-relay --signal-key FILE|KEY [OPTION...]"],
        parts: [
            .init(
                "Description",
                [
                    .text(
                        "Forwards sealed packets between members of vc rooms who cannot reach each "
                            + "other. It sees who talks to whom and when; it cannot read what is "
                            + "said, and keeps nothing. Only members with a ticket of the "
                            + "signaling server are served.")
                ]),
            .init("Options", [.list(options)]),
            .init(
                "Signals",
                [
                    .text(
                        "SIGTERM and SIGINT take nobody new, tell the clients to go elsewhere, and "
                            + "end the relay as soon as they have, within 20 seconds; a second "
                            + "signal ends it at once.")
                ]),
            .init(
                "Exit status",
                [
                    .text(
                        "Exit status: 0 stopped normally, 64 usage, 66 the key cannot be read, 69 "
                            + "a port cannot be used.")
                ]),
            .init("See also", [.text("See also `vc`(1) and `vc-signal`(8).")]),
        ])

    private static let options: [ManualPage.Entry] = [
        .init(
            "--signal-key FILE|KEY",
            "public key of the vc-signal whose tickets are taken: 64 hexadecimal digits, or the "
                + "FILE.pub that it wrote; repeatable"),
        .init(
            "--listen [ADDR:]PORT",
            "local UDP address and port (default: 4461 on all addresses); repeatable, each with a "
                + "thread of its own"),
        .init(
            "--listen-tcp [ADDR:]PORT", "take TCP connections too, for networks without UDP"),
        .init(
            "--advertise HOST[:PORT]",
            "where clients reach this relay, if that is no address of this machine; repeatable"),
        .init("--max-mbit N", "send at most N Mbit/s in all"),
        .init("--verbose", "log bindings and addresses too"),
        .init("--help", "print this"),
        .init("--man", "print the man page, for `man -l -`"),
        .init("--version", "print the version"),
    ]
}
