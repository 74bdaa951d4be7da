import Foundation
import Testing

extension ProcessTests {
    /// The devices of the joiner are those of a real PulseAudio, without a sound card: what is
    /// played on its null sink is what the monitor of that sink hears.
    @Suite(
        "With a sound server that is killed, or hangs",
        .disabled(if: PulseAudio.isShutOut, "PulseAudio cannot be installed beside PipeWire"))
    struct PulseAudioTests {
        /// A server and a call on its devices, in which everything is heard.
        private func callOnServer() async throws -> (PulseAudio, DeviceCall) {
            let server = try PulseAudio()
            try await server.start()
            let call = try await DeviceCall(
                configuration: server.configuration, environment: server.environment)
            try await call.expectHeard(within: .seconds(8), since: .now)
            return (server, call)
        }

        /// Both devices have told just this, behind the first `known` warnings.
        private func expectBoth(
            _ kind: String, behind known: Int, within limit: Duration, in call: DeviceCall
        ) async throws {
            try await call.wait("both devices tell \(kind)", limit) {
                call.warnings.dropFirst(known).map { $0.text("kind") } == [kind, kind]
            }
        }

        @Test("A call survives PulseAudio, and voice is back within a second of it")
        func killed() async throws {
            let (server, call) = try await callOnServer()
            for _ in 0..<2 {
                let known = call.warnings.count
                server.kill()
                for word in ["microphone", "loudspeaker"] {
                    try await call.wait("the \(word) is told as lost", .seconds(2)) {
                        call.warnings.dropFirst(known).contains {
                            $0.text("kind") == "device-lost" && $0.text("message").contains(word)
                        }
                    }
                }
                try await Task.sleep(for: .seconds(2))
                #expect(call.warnings.count == known + 2, "each is told once")
                try await server.start()
                let there = ContinuousClock.now
                // The recording is 0.3 s behind.
                try await call.expectHeard(within: .milliseconds(1_300), since: there)
                try await expectBoth(
                    "device-back", behind: known + 2, within: .seconds(1), in: call)
            }
            try await call.end()
        }

        @Test("While PulseAudio hangs a call goes on, takes other devices, and can be left")
        func hangs() async throws {
            let (server, call) = try await callOnServer()
            server.hang()
            try await expectBoth("device-lost", behind: 0, within: .seconds(3), in: call)
            // It is tried again, and does not answer.
            try await Task.sleep(for: .seconds(1))
            server.goOn()
            let there = ContinuousClock.now
            try await call.expectHeard(within: .milliseconds(1_800), since: there)
            try await expectBoth("device-back", behind: 2, within: .seconds(1), in: call)
            server.hang()
            try await expectBoth("device-lost", behind: 4, within: .seconds(3), in: call)
            for (command, device) in [("/capture tone", "tone"), ("/playback silence", "silence")] {
                call.joiner.type(command)
                try await call.wait("\(command) is done", .seconds(2)) {
                    call.warnings.last?.text("kind") == "device-changed"
                        && call.warnings.last?.text("message").contains(device) ?? false
                }
            }
            try await call.expectFrames()
            try await call.end()
        }

        @Test("Who leaves just when PulseAudio hangs has left; who begins is told so")
        func leaves() async throws {
            let (server, call) = try await callOnServer()
            server.hang()
            try await call.end()
            let stage = try Stage()
            let place = try await stage.server()
            let program = try stage.start(
                "vc",
                [
                    "host", "--signal", place.address, "--capture", "alsa:microphone",
                    "--playback", "silence",
                ],
                environment: server.environment.merging(
                    ["ALSA_CONFIG_PATH": server.configuration]
                ) { $1 })
            #expect(try await program.status() == 69)
            #expect(program.diagnosticsText.contains("alsa:microphone"))
            #expect(program.diagnosticsText.contains("it does not answer"))
        }
    }
}

/// A PulseAudio of its own, which is killed at the end.
private final class PulseAudio {
    private static let path = "/usr/bin/pulseaudio"

    /// Whether PipeWire's ALSA plugin is there, for which Tools/setup leaves PulseAudio out.
    static var isShutOut: Bool {
        let files = FileManager.default
        return files.fileExists(atPath: "/usr/share/alsa/alsa.conf.d/50-pipewire.conf")
            && !files.isExecutableFile(atPath: path)
    }

    let configuration: String
    let environment: [String: String]
    private let stage: Stage
    private let socketPath: String
    private var program: Program?

    init() throws {
        try #require(
            FileManager.default.isExecutableFile(atPath: Self.path),
            "PulseAudio is not installed: Tools/setup --test does that")
        stage = try Stage()
        let folder = stage.folder
        socketPath = "\(folder)/native"
        configuration = "\(folder)/asound.conf"
        environment = [
            "HOME": folder, "XDG_RUNTIME_DIR": folder, "PULSE_RUNTIME_PATH": folder,
            "PULSE_STATE_PATH": folder, "PULSE_SERVER": "unix:\(socketPath)",
        ]
        let device = "type pulse server \"unix:\(socketPath)\" device"
        try """
        </usr/share/alsa/alsa.conf>
        pcm.speaker { \(device) "room" }
        pcm.microphone { \(device) "room.monitor" }

        """.write(toFile: configuration, atomically: true, encoding: .utf8)
    }

    func kill() {
        program?.send(SIGKILL)
        program = nil
    }

    /// It stands still, and does not even end.
    func hang() { program?.send(SIGSTOP) }

    func goOn() { program?.send(SIGCONT) }

    /// Starts it, and waits until it answers.
    func start() async throws {
        // One that was killed leaves its socket behind; the first finds none.
        try? FileManager.default.removeItem(atPath: socketPath)
        program = try stage.start(
            Self.path,
            [
                "-n", "--daemonize=no", "--use-pid-file=no", "--exit-idle-time=-1",
                "--disallow-exit",
                "--load=module-null-sink sink_name=room rate=48000 channels=1 format=s16le "
                    // Blocks of 50 ms at most, and not of two seconds.
                    + "norewinds=1",
                // Last, so that who is answered finds the devices.
                "--load=module-native-protocol-unix socket=\(socketPath) auth-anonymous=1",
            ], environment: environment)
        let end = ContinuousClock.now + .seconds(8)
        while !answers() {
            let said = program?.diagnosticsText ?? ""
            try #require(ContinuousClock.now < end, "PulseAudio is silent: \(said)")
            try await Task.sleep(for: .milliseconds(5))
        }
    }

    private func answers() -> Bool {
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: socketPath.utf8) }
        return withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size)) == 0
            }
        }
    }
}
