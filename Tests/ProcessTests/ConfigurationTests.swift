import Foundation
import Testing

extension ProcessTests {
    @Suite("The configuration of a running vc")
    struct Configuration {
        @Test("A call is set by the file, the environment and its flags; the code may stand there")
        func call() async throws {
            let stage = try Stage()
            let server = try await stage.server()
            let host = try await stage.host(at: server, ["--name", "ana"])
            let folder = "\(stage.folder)/vc"
            try FileManager.default.createDirectory(
                atPath: folder, withIntermediateDirectories: true)
            let text = """
                capture = tone:200
                playback = file:\(stage.folder)/heard.wav
                name = file
                muted = yes
                json = yes
                [join]
                code = \(host.code)
                """
            try text.write(toFile: folder + "/config", atomically: true, encoding: .utf8)
            try FileManager.default.setAttributes(
                [.posixPermissions: 0o644], ofItemAtPath: folder + "/config")
            let joiner = try stage.start(
                "vc", ["join"],
                environment: [
                    "XDG_CONFIG_HOME": stage.folder, "VC_NAME": "ben", "VC_RELAYONLY": "1",
                ])
            let joined = try await joiner.event("joined")
            #expect(joined.objects("members").contains { $0["name"] as? String == "ben" })
            try await host.program.event("muted") { $0.bool("on") == true }
            #expect(joiner.diagnosticsText.contains("chmod 600"))
            #expect(joiner.diagnosticsText.contains("did you mean $VC_RELAY_ONLY?"))
            joiner.type("/quit")
            #expect(try await joiner.status() == 0)
            #expect(FileManager.default.fileExists(atPath: "\(stage.folder)/heard.wav"))
        }

        @Test("A mistake in the file: 78, its line, and nothing is sent; no file that is named: 66")
        func mistakes() async throws {
            let stage = try Stage()
            let path = "\(stage.folder)/config"
            try "# mine\nmutde = yes\n".write(toFile: path, atomically: true, encoding: .utf8)
            let host = try stage.start("vc", ["host", "--config", path])
            #expect(try await host.status() == 78)
            #expect(
                host.diagnosticsText
                    == "vc: \(path):2: there is no setting `mutde`; did you mean `muted`?")
            let config = try stage.start("vc", ["config", "--config", path])
            #expect(try await config.status() == 78)
            #expect(config.outputText.contains("capture = alsa:default"))
            let missing = try stage.start("vc", ["host", "--config", path + "x"])
            #expect(try await missing.status() == 66)
        }

        @Test("The token of a signaling server may stand in the file; a wrong one is named: 78")
        func token() async throws {
            let stage = try Stage()
            let token = "0123456789abcdefghij"
            let tokenPath = "\(stage.folder)/token"
            try token.write(toFile: tokenPath, atomically: true, encoding: .utf8)
            let server = try await stage.server(options: ["--host-token", tokenPath])
            let path = "\(stage.folder)/config"
            func start(_ token: String) throws -> Program {
                try "signal-token = \(token)\n".write(
                    toFile: path, atomically: true, encoding: .utf8)
                try FileManager.default.setAttributes(
                    [.posixPermissions: 0o600], ofItemAtPath: path)
                return try stage.start(
                    "vc",
                    ["host", "--json", "--signal", server.address, "--config", path] + noDevices)
            }
            let host = try start(token)
            try await host.event("code")
            #expect(host.diagnosticsText.isEmpty)
            let short = try start("abc")
            #expect(try await short.status() == 78)
            #expect(short.diagnosticsText.contains("\(path):1: a token has 16"))
            let wrong = try start("abcdefghijklmnopqrst")
            #expect(try await wrong.status() == 77)
        }
    }
}
