import Foundation
import Testing

extension ProcessTests {
    @Suite("A call through plugins")
    struct PluginTests {
        @Test("The others hear what comes out of it; one that takes too long is told and left out")
        func insert() async throws {
            let stage = try Stage()
            let server = try await stage.server()
            let (here, there) = ("\(stage.folder)/here.wav", "\(stage.folder)/there.wav")
            // Nothing else changes the sound, on either side.
            let plain = ["--raw", "--talk", "open", "--no-leveling", "--no-tones"]
            let slow = "ladspa:\(Build.folder)/libvc_plugin_fixture.so:slow,Work=12000"
            let host = try await stage.host(
                at: server, ["--playback", "file:\(here)", "--insert", slow] + plain)
            let joiner = try stage.join(
                host.code,
                [
                    "--capture", "tone:1000", "--playback", "file:\(there)", "--insert",
                    "ladspa:amp:amp_mono,Gain=0.25",
                ] + plain)
            let warning = try await host.program.event("warning")
            #expect(warning.text("kind") == "plugin-bypassed")
            #expect(warning.text("message").contains("--insert takes longer than there is time"))
            try await Task.sleep(for: .seconds(1))
            for program in [host.program, joiner] { program.type("/quit") }
            for program in [host.program, joiner] { #expect(try await program.status() == 0) }
            #expect(host.program.events("warning").count == 1)
            #expect(joiner.events("warning").isEmpty)
            // Half a second before whoever left first did.
            let quarter = share(of: 1_000, in: try samples(of: here).suffix(38_400).prefix(19_200))
            #expect(abs(quarter - 0.25 / 4) < 0.01, "\(quarter)")
            let whole = share(of: 300, in: try samples(of: there).suffix(38_400).prefix(19_200))
            #expect(abs(whole - 0.25) < 0.03, "\(whole)")
        }
    }
}
