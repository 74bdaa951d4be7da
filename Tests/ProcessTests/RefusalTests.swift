import Foundation
import Testing

extension ProcessTests {
    @Suite("What cannot work ends with its sentence and its exit status")
    struct Refusals {
        @Test("A wrong word: 77 within 3 s, the host is told, and its room goes on")
        func wrongWords() async throws {
            let stage = try Stage()
            let server = try await stage.server()
            let host = try await stage.host(at: server)
            let guesser = try stage.join(wrongWord(host.code))
            #expect(try await guesser.status() == 77)
            #expect(guesser.lifetime < .seconds(3))
            #expect(guesser.events("error").first?.text("kind") == "refused")
            #expect(
                guesser.events("left").first?.text("reason")
                    == "the code was refused (wrong words, or the host retired it)")
            let guess = try await host.program.event("guess")
            #expect(guess.number("failed") == 1 && guess.number("budget") >= 1)

            let joiner = try stage.join(host.code)
            try await joiner.event("voice")
            joiner.type("hello")
            try await host.program.event("chat") { $0.text("text") == "hello" }
            // In the call now; a guess at a room that is full is told so, and it goes on.
            let late = try stage.join(wrongWord(host.code))
            #expect(try await late.status() == 77)
            joiner.type("still here")
            try await host.program.event("chat") { $0.text("text") == "still here" }
            #expect(host.program.events("member").count == 1 && joiner.events("left").isEmpty)
        }

        @Test("An unknown nameplate: 77, and where was asked")
        func unknownNameplate() async throws {
            let stage = try Stage()
            let server = try await stage.server()
            let joiner = try stage.start(
                "vc",
                ["join", "7-tablet-whistle-tempo@\(server.address)", "--plain"] + noDevices)
            #expect(try await joiner.status() == 77)
            #expect(joiner.lifetime < .seconds(3))
            #expect(joiner.diagnosticsText.contains("no room 7 at \(server.address)"))
        }

        @Test("No server: 69 for a joiner, with the address and how long was tried")
        func noServer() async throws {
            let stage = try Stage()
            let address = "127.0.0.1:\(try freePort())"
            let joiner = try stage.join("7-tablet-whistle-tempo@\(address)")
            let plain = try stage.start(
                "vc", ["join", "7-tablet-whistle-tempo@\(address)", "--plain"] + noDevices)
            #expect(try await joiner.status() == 69)
            #expect(try await plain.status() == 69)
            #expect(joiner.lifetime < .seconds(8))
            let sentence = "no signaling server answers at \(address) (tried for 5 s)"
            #expect(joiner.events("error").first?.text("message").hasPrefix(sentence) == true)
            #expect(plain.diagnosticsText.contains(sentence))
        }

        @Test("A port in use: 69 from vc and from vc-signal")
        func portInUse() async throws {
            let stage = try Stage()
            let server = try await stage.server()
            let (address, port) = (server.address, server.port)
            let host = try stage.start("vc", ["host", "--json", "--listen", address] + noDevices)
            let second = try stage.start("vc-signal", ["--listen", address])
            #expect(try await host.status() == 69)
            #expect(try await second.status() == 69)
            #expect(
                host.diagnosticsText.contains("UDP port \(port) is in use by another program"))
            #expect(
                second.diagnosticsText.contains("UDP port \(port) is in use by another program"))
            #expect(host.events("error").count == 1)
        }

        @Test("A device or file that cannot be used: 69 and 66, before anything is sent")
        func devices() async throws {
            let stage = try Stage()
            func host(_ options: [String]) throws -> Program {
                try stage.start("vc", ["host", "--plain"] + noDevices + options)
            }
            let missing = "\(stage.folder)/missing.wav"
            let noSound = "\(stage.folder)/text.wav"
            try "this is no sound".write(toFile: noSound, atomically: true, encoding: .utf8)
            let cases: [(Program, Int32, String)] = [
                (try host(["--capture", "alsa:nosuchcard"]), 69, "no such device; `vc devices`"),
                (try host(["--playback", "alsa:nosuchcard"]), 69, "nosuchcard"),
                (try host(["--capture", "file:\(missing)"]), 66, missing),
                (try host(["--capture", "file:\(noSound)"]), 66, noSound),
                (try host(["--playback", "file:\(missing)/a.wav"]), 69, missing),
                (try host(["--playback", "file:\(stage.folder)/a.jpg"]), 69, "a.jpg"),
                (try host(["--insert", "ladspa:\(noSound):x"]), 66, noSound),
                (try host(["--insert", "ladspa:amp:amp"]), 64, "\"amp_mono\", \"amp_stereo\""),
                (try host(["--insert", "ladspa:amp:amp_mono,Loud=1"]), 64, "but \"Gain\""),
                (try host(["--insert", "amp"]), 64, "--insert must be ladspa:FILE:LABEL"),
            ]
            for (program, status, words) in cases {
                #expect(try await program.status() == status, "\(words)")
                #expect(
                    program.diagnosticsText.hasPrefix("vc: ")
                        && program.diagnosticsText.contains(words))
                #expect(program.output.isEmpty)
            }
        }

        @Test("A word that is not in the list: 64, the nearest one, and no guess is spent")
        func unknownWord() async throws {
            let stage = try Stage()
            let server = try await stage.server()
            let host = try await stage.host(at: server)
            let place = host.code.firstIndex(of: "@") ?? host.code.endIndex
            let joiner = try stage.join("1-tablett-whistle-tempo\(host.code[place...])")
            #expect(try await joiner.status() == 64)
            #expect(joiner.diagnosticsText.contains("tablet"))
            try await Task.sleep(for: .milliseconds(200))
            #expect(host.program.events("guess").isEmpty)
        }

        @Test("A wrong command line: 64 and a sentence, from vc and from vc-signal")
        func commandLine() async throws {
            let stage = try Stage()
            let cases: [(String, [String], String)] = [
                ("vc", [], "which command?"),
                ("vc", ["hots"], "did you mean `vc host`?"),
                ("vc", ["host", "--mutd"], "did you mean --muted?"),
                ("vc", ["host", "--listen", "70000"], "--listen must be"),
                ("vc", ["join", "--advertise", "a"], "--advertise is not an option of `vc join`"),
                (
                    "vc", ["join", "7-tablet-whistle-tempo", "--no-lan"],
                    "the code names no server"
                ),
                ("vc", ["join", "7-tablet"], "vc: "),
                ("vc-signal", ["--lisen"], "unknown argument '--lisen'; did you mean --listen?"),
                ("vc-signal", ["--listen", "a b"], "--listen needs"),
            ]
            for (name, arguments, words) in cases {
                let devices = arguments.first == "join" ? noDevices : []
                let program = try stage.start(name, arguments + devices)
                #expect(try await program.status() == 64, "\(arguments)")
                #expect(program.diagnosticsText.contains(words), "\(program.diagnosticsText)")
                #expect(program.output.isEmpty)
            }
        }
    }
}

let noDevices = ["--capture", "silence", "--playback", "silence"]
