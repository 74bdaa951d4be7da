import Foundation
import Testing

@testable import vc

/// Each script is run by its shell. `vc` itself is a script that lists one device.
@Suite("Completion of command lines")
final class CompletionScriptTests {
    private let folder: String

    init() throws {
        folder = NSTemporaryDirectory() + "vc-test-\(UUID().uuidString)"
        try FileManager.default.createDirectory(
            atPath: folder + "/place/records", withIntermediateDirectories: true)
        let vc = "#!/bin/sh\necho 'alsa:hw:1,0  A card (capture and playback)'\necho 'tone  x'\n"
        try vc.write(toFile: folder + "/vc", atomically: true, encoding: .utf8)
        try FileManager.default.setAttributes(
            [.posixPermissions: 0o755], ofItemAtPath: folder + "/vc")
        for shell in Shell.allCases {
            try CompletionScript.text(for: shell).write(
                toFile: "\(folder)/\(shell).script", atomically: true, encoding: .utf8)
        }
        try "x".write(toFile: folder + "/place/my.conf", atomically: true, encoding: .utf8)
    }

    deinit { try? FileManager.default.removeItem(atPath: folder) }

    private func run(_ shell: String, _ arguments: [String]) throws -> String {
        let path = "\(folder):/usr/bin:/bin"
        let result = try output(
            of: shell, arguments,
            environment: ["PATH": path, "HOME": folder, "LC_ALL": "C.UTF-8", "TERM": "xterm"])
        #expect(result.errors.isEmpty, "\(result.errors)")
        return result.output
    }

    /// What bash offers at the end of a line, as its readline splits it.
    private func bash(_ line: String) throws -> [String] {
        let script = """
            source \(folder)/bash.script; cd \(folder)/place
            COMP_LINE="$1"; COMP_POINT=${#COMP_LINE}
            mapfile -t COMP_WORDS < <(python3 - "$1" <<'PY'
            import re, sys
            words = re.findall(r'[=:]+|[^\\s=:]+', sys.argv[1])
            if sys.argv[1].endswith(' '): words.append('')
            print('\\n'.join(words))
            PY
            )
            COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
            _vc; printf '%s\\n' "${COMPREPLY[@]}"
            """
        return try run("/bin/bash", ["--norc", "-c", script, "bash", line]).lines
    }

    /// What zsh offers, asked by keys on a terminal of its own.
    private func zsh(_ line: String) throws -> [String] {
        let script = """
            zmodload zsh/zpty
            zpty -b z zsh -f -i
            zpty -w z 'PS1=; unsetopt zle_bracketed_paste; LISTMAX=10000; stty cols 300 rows 200'
            zpty -w z 'cd \(folder)/place; autoload -Uz compinit; compinit -u -d \(folder)/dump'
            zpty -w z 'source \(folder)/zsh.script; print REA""DY'
            zpty -m -r z text '*READY*'
            zpty -w -n z "$1"$'\\t\\t'
            repeat 15; do sleep 0.1; zpty -r -t z text && print -r -- "$text"; done
            zpty -d z
            """
        let text = try run("/usr/bin/zsh", ["-f", "-c", script, "zsh", line])
        let controls = /\u{1B}\[[0-9;?]*[A-Za-z]|[\r\u{7}]/
        return text.replacing(controls, with: "").lines
    }

    private func fish(_ line: String) throws -> [String] {
        let script = "source \(folder)/fish.script; cd \(folder)/place; complete -C \"$argv[1]\""
        let lines = try run("/usr/bin/fish", ["--no-config", "-c", script, line]).lines
        return lines.map { String($0.prefix { $0 != "\t" }) }
    }

    /// Line, and what is offered there among other things.
    private static let cases: [(String, [String])] = [
        ("vc ho", ["host"]), ("vc ", ["join", "completion", "doctor"]),
        ("vc ptt ", ["down", "up", "toggle"]), ("vc completion f", ["fish"]),
        ("vc help ev", ["events"]), ("vc host --mut", ["--muted"]),
        ("vc host --talk p", ["ptt"]), ("vc config --frame ", ["2.5", "20"]),
    ]

    @Test("bash offers commands, options and their values", arguments: cases)
    func inBash(line: String, words: [String]) throws {
        let offered = try bash(line)
        for word in words { #expect(offered.contains(word), "\(line): \(offered)") }
    }

    @Test("bash offers files and devices, also behind an equals sign, and no option of others")
    func bashValues() throws {
        #expect(try bash("vc host --config m") == ["my.conf"])
        #expect(try bash("vc host --config=m") == ["my.conf"])
        #expect(try bash("vc host --talk=o") == ["open"])
        #expect(try bash("vc demo --out r") == ["records"])
        #expect(try bash("vc join --capture al") == ["alsa:hw:1,0", "alsa:"])
        // Behind a colon bash has begun another word.
        #expect(try bash("vc join --capture alsa:h") == ["hw:1,0"])
        #expect(try bash("vc join --playback file:m") == ["my.conf"])
        #expect(try bash("vc join --name ") == [])
        #expect(try bash("vc join --adv") == [])
        #expect(try bash("vc join ") == [])
        let config = try bash("vc config --")
        #expect(config.contains("--advertise") && config.contains("--steady"))
    }

    @Test("fish offers commands, options and their values", arguments: cases)
    func inFish(line: String, words: [String]) throws {
        let offered = try fish(line)
        for word in words { #expect(offered.contains(word), "\(line): \(offered)") }
    }

    @Test("fish offers files and devices, and no option of others")
    func fishValues() throws {
        #expect(try fish("vc host --config my").contains("my.conf"))
        #expect(try fish("vc demo --out rec").contains("records/"))
        #expect(try fish("vc join --capture ").contains("alsa:hw:1,0"))
        #expect(try fish("vc join --adv") == [])
        #expect(try fish("vc join ") == [])
    }

    @Test("zsh offers commands, options and their values", arguments: cases)
    func inZsh(line: String, words: [String]) throws {
        let offered = try zsh(line).joined(separator: "\n")
        for word in words { #expect(offered.contains(word), "\(line): \(offered)") }
    }

    @Test("zsh offers files and devices, and no option of others")
    func zshValues() throws {
        #expect(try zsh("vc host --config m").contains { $0.contains("my.conf") })
        #expect(try zsh("vc join --capture ").contains { $0.contains("alsa:hw:1,0") })
        #expect(try !zsh("vc join --adv").contains { $0.contains("--advertise") })
    }

    @Test("every option of every command is in every script")
    func complete() {
        for shell in Shell.allCases {
            let text = CompletionScript.text(for: shell)
            for option in Option.all {
                #expect(text.contains(shell == .fish ? "-l \(option.name)" : option.spelling))
            }
            for command in Command.allCases { #expect(text.contains(command.rawValue)) }
        }
    }

    @Test("the script for bash is one that shellcheck likes")
    func shellcheck() throws {
        let path = "/usr/bin/shellcheck"
        try #require(FileManager.default.isExecutableFile(atPath: path))
        let result = try output(of: path, ["--shell=bash", folder + "/bash.script"])
        #expect(result.status == 0, "\(result.output)")
    }
}

extension String {
    fileprivate var lines: [String] { split(separator: "\n").map(String.init) }
}
