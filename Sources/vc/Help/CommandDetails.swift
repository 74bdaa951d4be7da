extension Command {
    /// What it does, in full.
    var details: String {
        switch self {
        case .host:
            "Makes a room and prints its code, which you give to your friends. Without --signal a "
                + "signaling server runs inside, and the code names this machine's address, which "
                + "friends in the same network may leave out; it is also told what people "
                + "outside of it need."
        case .join:
            "Enters the room that CODE names. Where it names no server, and none is configured or "
                + "the configured one has no such room, it is looked for in the local network. "
                + "Any case, spaces or dashes between the words, and four letters of each word "
                + "suffice. Without CODE, $VC_CODE is read; without that, you are asked, and the "
                + "code stands neither in the process list nor in the shell's history."
        case .tune:
            "Meets whoever says the same phrase at the same signaling server; nobody needs to be "
                + "first, and there is no code. Whoever can guess the phrase can come in, so one "
                + "that counts for less than 40 bits needs --open: take four or more words that "
                + "have nothing to do with each other. Without PHRASE, $VC_PHRASE is read; without "
                + "that, a phrase is made and printed. `vc tune -` asks for it, so that it stands "
                + "neither in the process list nor in the shell's history. Capitals, accents typed "
                + "one way or the other, spaces and dashes make no difference. Nobody can be "
                + "removed from such a room; /gain silences somebody for you."
        case .demo:
            "Starts both servers and three members as processes of their own, lets them speak to "
                + "each other over UDP on this machine, one of them through the relay, and ends "
                + "with a table of what was measured and where the recordings are. The voices "
                + "are synthesised with espeak-ng. The recordings go to --out, or else to a new "
                + "directory in $TMPDIR."
        case .doctor:
            "Tries out what a call needs: the devices with a short echo test (you hear a chirp), "
                + "the ways out by IPv4, IPv6, UDP and TCP, what the router's NAT does and "
                + "whether it maps ports, the signaling server by opening a room and closing it "
                + "again, and the relays that it names. One line each: ok, warning or problem, "
                + "and what to do. Ends with status 0 if a call is possible, else with 69. "
                + "Without --signal no server is tried."
        case .devices: "Lists what --capture and --playback take on this machine."
        case .config:
            "Shows what each option is set to and where that was said: on the command line, in the "
                + "environment, in the configuration file, or nowhere. Takes the options of calls, "
                + "so that you see what they would do. With COMMAND (host, join, tune or doctor) "
                + "it shows what holds for that one. What it prints can be a configuration file."
        case .send: "Says TEXT in the call that you began last and that still runs."
        case .who: "Lists who is in the call that you began last and that still runs."
        case .ptt:
            "Holds the microphone of the running call open, as F4 does in its window: bind `vc ptt "
                + "down` to a key of the desktop going down and `vc ptt up` to the same key going "
                + "up, or `vc ptt toggle` where the desktop only tells the one. The call is "
                + "reached through a socket in $XDG_RUNTIME_DIR that nobody but you can use."
        case .mute: "Closes the microphone of the running call."
        case .unmute: "Opens the microphone of the running call again."
        case .completion:
            "Prints a script that makes Tab complete command lines of vc. For bash: put `eval "
                + "\"$(vc completion bash)\"` into ~/.bashrc. For zsh: `vc completion zsh "
                + ">~/.zfunc/_vc`, with ~/.zfunc in $fpath before compinit. For fish: `vc "
                + "completion fish >~/.config/fish/completions/vc.fish`."
        case .version: "Prints the version of vc and of its protocol."
        case .help:
            "Explains vc, one command, or with `vc help events` what --json prints. `vc help --man "
                + "| man -l -` shows all of it as a man page."
        }
    }
}
