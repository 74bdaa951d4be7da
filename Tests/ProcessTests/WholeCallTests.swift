import Foundation
import Testing

extension ProcessTests {
    /// Three people at terminals, who have read nothing.
    @Suite("A whole call on the screen")
    struct WholeCall {
        private let stage: Stage
        private let server: Stage.Server

        init() async throws {
            stage = try Stage()
            server = try await stage.server()
        }

        /// Somebody who hosts, and the code that the screen shows.
        private func host(_ options: String = "") async throws -> (Terminal, code: String) {
            let terminal = try await Terminal(
                stage, command("host --signal \(server.address) --name ana \(options)"),
                columns: 80, rows: 24)
            let shown = try await terminal.screen(shows: "vc join ")
            let line = shown.split(separator: "\n").first { $0.contains("vc join ") }
            let code = try #require(line?.split(separator: " ").last)
            return (terminal, String(code))
        }

        private func guest(_ name: String, _ code: String) async throws -> Terminal {
            let terminal = try await Terminal(
                stage, command("join \(code) --name \(name)"), columns: 80, rows: 24)
            try await terminal.screen(shows: "you are in the room as \(name)")
            return terminal
        }

        private func command(_ words: String) -> String {
            "\(Build.path(of: "vc")) \(words) --capture tone:300 --playback silence"
        }

        @Test("host, invite, join by completing words, talk, mute, whisper, verify, devices, leave")
        func threePeople() async throws {
            let (ana, code) = try await host()
            let ben = try await guest("ben", code)
            // The third one types the code.
            let chris = try await Terminal(
                stage, command("join --name chris"), columns: 80, rows: 24)
            try await chris.screen(shows: "Room code:")
            let parts = code.split(separator: "@")[0].split(separator: "-").map(String.init)
            try await chris.press("-l", parts[0] + "-")
            for part in parts.dropFirst() {
                try await chris.press("-l", String(part.prefix(4)))
                try await chris.press("Tab")
            }
            try await chris.press("-l", "@\(server.address)")
            try await chris.press("Enter")
            try await chris.screen(shows: "you are in the room as chris")
            try await ana.screen(shows: "you hear chris")
            // F2 tells how to invite more.
            try await ana.press("F2")
            try await ana.screen(shows: "Escape closes this")
            try await ana.press("Escape")
            try await ben.press("C-r")
            try await ana.screen(shows: "ben closed the microphone")
            try await ben.press("C-r")
            try await ana.screen(shows: "ben opened the microphone")
            try await ben.type("/whisper chris")
            try await ben.screen(shows: "only chris can hear and read you")
            try await ben.type("only for you")
            try await chris.screen(shows: "ben (to you): only for you")
            try await ben.type("/all")
            try await ben.type("for everybody")
            let seen = try await ana.screen(shows: "ben: for everybody")
            #expect(!seen.contains("only for you"))
            try await compareWords([ana, ben, chris])
            try await ana.type("/capture tone:500")
            try await ana.screen(shows: "the microphone is tone:500 now")
            try await chris.type("/quit")
            try await chris.screen(shows: "ended with 0")
            try await ana.screen(shows: "chris left")
            try await ana.type("/end")
            try await ben.screen(shows: "ended with 0")
            try await ana.screen(shows: "ended with 0")
            for terminal in [ana, ben, chris] { try await terminal.end() }
        }

        /// All see the same words, and say so.
        private func compareWords(_ terminals: [Terminal]) async throws {
            try await terminals[0].type("/verify")
            var words: Set<String> = []
            for terminal in terminals {
                let shown = try await terminal.screen(shows: "safety words: ")
                let behind = try #require(shown.components(separatedBy: "safety words: ").last)
                words.insert(behind.split(separator: " ").prefix(4).joined(separator: " "))
            }
            #expect(words.count == 1, "\(words)")
            try await terminals[0].type("/same")
            try await terminals[0].screen(shows: "verified")
        }

        @Test("every command answers, and leaves the line to type in")
        func commands() async throws {
            let (ana, code) = try await host()
            let ben = try await guest("ben", code)
            try await ana.screen(shows: "you hear ben")
            for (command, answer) in [
                ("/help gain", "make one member louder"), ("/who", "2  ben"),
                ("/name anna", "you are called anna now"), ("/nick ana", "called ana now"),
                ("/announce on", "is said in a line"), ("/announce off", "not said any more"),
                ("/mute", "you closed"), ("/mute", "you opened"),
                ("/deafen", "loudspeakers are closed"), ("/deafen", "loudspeakers are open"),
                ("/gain ben -3", "ben is changed by -3.0 dB"),
                ("/equalizer 1 2 3", "equalizer: 1 2 3 dB"), ("/leveling off", "as loud as"),
                ("/limiter off", "too loud is cut off"),
                ("/tones off", "no tone"), ("/talk open", "always open"),
                ("/devices", "silence"), ("/playback silence", "the loudspeaker is silence now"),
                ("/lock", "the room is locked"), ("/unlock", "the room is open"),
                ("/stats", "wait to be sent"), ("/debug", "encoder"),
                ("/record \(stage.folder)/a.wav", "you record the call"),
                ("/record off", "do not record any more"),
                ("/nonsense", "there is no command /nonsense"), ("/gain", "used so: /gain NAME"),
                ("/settings", "Escape closes"), ("/invite once", "vc join"),
                ("/invite", "Your friends paste"), ("/kick ben", "Your friends paste"),
            ] {
                try await ana.type(command)
                let shown = try await ana.screen(shows: answer)
                let last = shown.split(separator: "\n").last.map(String.init) ?? ""
                #expect(last.hasPrefix(">") || command == "/settings", "\(command): \(shown)")
                guard command.hasPrefix("/settings") || command.hasPrefix("/invite") else {
                    continue
                }
                try await ana.press("Escape")
                // What follows at once would be a key with Alt.
                try await Task.sleep(for: .milliseconds(200))
            }
            try await ben.screen(shows: "the host removed you from the room")
            try await ana.press("C-q")
            try await ana.screen(shows: "ended with 0")
            for terminal in [ana, ben] { try await terminal.end() }
        }

        @Test("escape sequences in names and messages change nothing on the screen")
        func garbage() async throws {
            let (ana, code) = try await host()
            let title = try await ana.title()
            let nasty = try stage.join(
                code, ["--name", "x\u{1B}[2J\u{1B}[31my\u{202E}z", "--capture", "silence"])
            try await nasty.event("joined")
            for text in [
                "\u{1B}[2J\u{1B}[1;1Hgone", "\u{1B}]0;title\u{7}bell", "\u{9B}31mred\u{90}q",
                "tab\tline\u{2028}end", String(repeating: "\u{0301}", count: 300) + "over",
                "\u{202E}backwards", "the last one",
            ] {
                nasty.type(text)
            }
            let shown = try await ana.screen(shows: "the last one")
            #expect(shown.contains("F1 help"), "the status line is there: \(shown)")
            #expect(shown.contains("ana"), "the host's row is there: \(shown)")
            #expect(!shown.contains("\u{202E}") && !shown.contains("\u{9B}"))
            #expect(try await ana.title() == title)
            let colors = try await ana.colors()
            #expect(!colors.contains("\u{1B}[31mred") && !colors.contains("\u{1B}[31my"))
            try await ana.press("C-q")
            try await ana.screen(shows: "ended with 0")
            try await ana.end()
        }

        @Test("a storm of new sizes while everybody talks and writes leaves a whole picture")
        func resizeStorm() async throws {
            let (ana, code) = try await host()
            let ben = try await guest("ben", code)
            try await ana.screen(shows: "you hear ben")
            for round in 0..<60 {
                try await ana.resize(columns: 10 + round * 37 % 190, rows: 2 + round * 13 % 50)
                if round % 10 == 0 { try await ben.type("message \(round)") }
            }
            try await ana.resize(columns: 80, rows: 24)
            for text in ["ben: message 50", "F1 help", "you host"] {
                try await ana.screen(shows: text)
            }
            try await ana.type("still here")
            try await ben.screen(shows: "ana: still here")
            // Its terminal closes: it leaves as a person would.
            try await ana.end()
            try await ben.screen(shows: "you host")
            try await ben.end()
        }
    }
}
