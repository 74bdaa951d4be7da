import Foundation
import Testing

/// A call whose joiner has the devices `microphone` and `speaker`, and hears in the one what it
/// plays on the other. The host's tone goes through both, and back to the host, which records it.
struct DeviceCall {
    let recording: Recording
    let host: Program
    let joiner: Program
    private let stage: Stage

    /// - Parameters:
    ///   - configuration: of alsa-lib, with the two devices.
    ///   - environment: more of the joiner's.
    init(configuration: String, environment: [String: String] = [:]) async throws {
        stage = try Stage()
        recording = Recording(path: "\(stage.folder)/heard.wav")
        let server = try await stage.server()
        let place = try await stage.host(at: server, ["--playback", "file:\(recording.path)"])
        host = place.program
        joiner = try stage.start(
            "vc",
            [
                "join", place.code, "--json", "--capture", "alsa:microphone", "--playback",
                // What comes out of its loudspeaker is to be heard again.
                "alsa:speaker", "--raw",
            ],
            environment: environment.merging(["ALSA_CONFIG_PATH": configuration]) { $1 })
        try await joiner.event("joined")
        try await host.event("voice")
    }

    /// What the joiner said about its devices.
    var warnings: [Event] {
        joiner.events("warning").filter { $0.text("kind").hasPrefix("device-") }
    }

    func wait(
        _ what: String, _ limit: Duration, since start: ContinuousClock.Instant = .now,
        until condition: () -> Bool
    ) async throws {
        while !condition() {
            let said = (host.output + joiner.output).suffix(12).map(\.text).joined(separator: "\n")
            try #require(ContinuousClock.now < start + limit, "\(what) within \(limit):\n\(said)")
            try await Task.sleep(for: .milliseconds(5))
        }
    }

    /// What was recorded after now, and not just what was under way, is loud.
    func expectHeard(within limit: Duration, since start: ContinuousClock.Instant) async throws {
        let mark = recording.sampleCount + Recording.underWay
        try await wait("the tone is heard", limit, since: start) {
            recording.sampleCount >= mark && recording.isLoud
        }
    }

    /// Frames arrive on both sides, and those of the host have never ceased to.
    func expectFrames() async throws {
        for program in [host, joiner] {
            let before = received(program)
            try await wait("\(program.name) receives frames", .seconds(4)) {
                let counts = received(program)
                return counts.count >= before.count + 2
                    && counts[counts.count - 1] > counts[counts.count - 2] + 50
            }
        }
        let counts = received(joiner).drop { $0 == 0 }
        #expect(zip(counts, counts.dropFirst()).allSatisfy { $0 < $1 }, "\(counts)")
        for program in [host, joiner] {
            #expect(program.events("left").isEmpty && program.events("error").isEmpty)
        }
        #expect(host.events("member").map { $0.text("state") } == ["joined"])
    }

    func end() async throws {
        joiner.type("/quit")
        #expect(try await joiner.status() == 0)
        host.type("/quit")
        #expect(try await host.status() == 0)
        #expect(joiner.diagnostics.isEmpty && host.diagnostics.isEmpty)
    }

    /// The frames from the other side, each second.
    private func received(_ program: Program) -> [Int] {
        program.events("stats").compactMap { $0.objects("members").first?["received"] as? Int }
    }
}

/// A WAV file of 48 kHz, 16 bits and one channel that is still being written.
struct Recording {
    /// A tenth of a second, the pieces in which it is written.
    private static let piece = 4_800
    /// What may be in the network, the buffers and the cable: 0.2 s.
    static let underWay = 9_600
    private static let headerSize = 44
    /// Far below the tone, far above rounding.
    private static let audible = 0.02

    let path: String

    var sampleCount: Int {
        var status = stat()
        guard stat(path, &status) == 0 else { return 0 }
        return max(0, Int(status.st_size) - Self.headerSize) / 2
    }

    /// Whether the last tenth of a second is sound, but for a hundredth at most.
    var isLoud: Bool { peaks().count { $0 > Self.audible } >= 9 }
    var isSilent: Bool {
        let peaks = peaks()
        return !peaks.isEmpty && peaks.allSatisfy { $0 <= Self.audible }
    }

    /// The peak of each hundredth of the last tenth of a second.
    private func peaks() -> [Double] {
        let count = sampleCount
        guard count >= Self.piece, let file = fopen(path, "r") else { return [] }
        defer { fclose(file) }
        var samples = [Int16](repeating: 0, count: Self.piece)
        fseek(file, Self.headerSize + 2 * (count - Self.piece), SEEK_SET)
        guard fread(&samples, 2, samples.count, file) == samples.count else { return [] }
        return stride(from: 0, to: samples.count, by: 480).map { start in
            samples[start..<start + 480].map { abs(Double($0)) / 32_768 }.max() ?? 0
        }
    }
}
