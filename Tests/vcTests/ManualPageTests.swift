import Foundation
import Testing
import VCHelp
import VCRelay
import VCSignaling

@testable import vc

@Suite("The man pages")
struct ManualPageTests {
    static let pages = [ManualPage.ofProgram, SignalHelp.page, RelayHelp.page]

    /// What man makes of a page; fails where it warns.
    private func formatted(_ page: ManualPage) throws -> String {
        let file = try TextFile(page.roff)
        let man = try output(
            of: "/usr/bin/man", ["--warnings=w", "-E", "UTF-8", "-l", "-Tutf8", file.path],
            environment: ["MANWIDTH": "80", "LC_ALL": "C.UTF-8", "GROFF_NO_SGR": "1"])
        #expect(man.status == 0 && man.errors.isEmpty, "\(page.name): \(man.errors)")
        let plain = try output(of: "/usr/bin/col", ["-bx"], input: man.output)
        return plain.output
    }

    @Test("are read by man without a warning", arguments: 0..<3)
    func warnings(place: Int) throws {
        let page = Self.pages[place]
        let text = try formatted(page)
        #expect(text.hasPrefix("\(page.name.uppercased())(\(page.section))"))
        #expect(text.contains("NAME") && text.contains("SYNOPSIS") && text.contains("OPTIONS"))
        #expect(!text.contains("\\f") && !text.contains("`"))
    }

    @Test("hold every option, command, event, setting and exit status of vc")
    func complete() throws {
        let text = try formatted(.ofProgram)
        for option in Option.all { #expect(text.contains("   \(option.usage)"), "\(option.name)") }
        for command in Command.allCases { #expect(text.contains("\n       vc \(command.usage)")) }
        for entry in SlashHelp.entries { #expect(text.contains("   \(entry.usage)")) }
        for kind in EventKind.calls + EventKind.others { #expect(text.contains("   \(kind.name)")) }
        for secret in SecretSetting.allCases { #expect(text.contains("   \(secret.variable)")) }
        for status in ExitStatus.allCases {
            #expect(text.contains("       \(status.rawValue) "))
        }
    }

    @Test("of the servers hold what their parsers know, and say what was probably meant")
    func servers() throws {
        for (page, options) in [
            (
                SignalHelp.page,
                ["--host-token", "--relay", "--key", "--listen", "--listen-tcp", "--second-port"]
            ),
            (
                RelayHelp.page,
                ["--signal-key", "--listen", "--listen-tcp", "--advertise", "--max-mbit"]
            ),
        ] {
            let text = try formatted(page)
            for option in options + ["--verbose", "--help", "--man", "--version"] {
                #expect(text.contains("   \(option)"), "\(option)")
            }
        }
        #expect(SignalCommandLine(["--man"]) == .manualPage)
        #expect(RelayCommandLine(["--man"]) == .manualPage)
        #expect(
            SignalCommandLine(["--listn"])
                == .usageError(
                    "unknown argument '--listn'; did you mean --listen?"))
        #expect(
            RelayCommandLine(["--zzz"])
                == .usageError(
                    "unknown argument '--zzz'; see vc-relay --help"))
        for page in [SignalHelp.text, RelayHelp.text] {
            #expect(page.split(separator: "\n").allSatisfy { $0.count <= 80 })
        }
    }

    @Test("nothing in a text is a command of roff")
    func escaped() throws {
        let words = ".so /etc/passwd 'x \\fB \\(rs -- ~ ^ \"q\" é…"
        let page = ManualPage(
            name: "x", section: 1, version: "1", summary: words, synopsis: [words],
            parts: [
                .init(
                    words,
                    [
                        .text(words), .list([.init(words, words)]), .heading(words),
                        .lines([words, ".br"]),
                    ])
            ])
        let text = try formatted(page)
        // In seven places; in the eighth, a title, man has it in capitals.
        #expect(text.components(separatedBy: ".so /etc/passwd 'x \\fB").count == 8, "\(text)")
        #expect(text.contains("\n           .br"))
    }
}
