import Foundation
import Testing

extension ProcessTests {
    @Suite("A room of sixteen")
    struct RoomOfSixteen {
        /// Those who talk, each with a tone of its own; the rest listens.
        private static let talkers = 8
        private static let members = 16
        /// So long all talk; then one of them whispers.
        private static let seconds = Build.isFull ? 60 : 10

        private static func hertz(_ member: Int) -> Int { 400 + 200 * member }
        private static func name(_ member: Int) -> String { "member\(member + 1)" }

        /// All in the room, each with a path to each other one, the host first.
        private func room(_ stage: Stage) async throws -> [Program] {
            let server = try await stage.server()
            func options(_ member: Int) throws -> [String] {
                // A server lets one address join five times a minute.
                let address = "127.0.0.\(member + 1)"
                let capture =
                    member < Self.talkers ? "tone:\(Self.hertz(member))" : "silence"
                return [
                    "--listen", "\(address):\(try freePort(at: address))", "--name",
                    Self.name(member), "--capture", capture, "--talk", "voice", "--playback",
                    "file:\(stage.folder)/\(member).wav",
                ]
            }
            let host = try await stage.host(at: server, try options(0))
            var programs = [host.program]
            for member in 1..<Self.members {
                let program = try stage.join(host.code, try options(member))
                try await program.event("joined", within: .seconds(20))
                programs.append(program)
            }
            for program in programs {
                for member in 1...Self.members where program !== programs[member - 1] {
                    try await program.event("path", within: .seconds(20)) {
                        $0.number("member") == Double(member)
                    }
                }
            }
            return programs
        }

        @Test("Eight talk at once and everybody hears each of them; a whisper reaches two")
        func everybody() async throws {
            let stage = try Stage()
            let programs = try await room(stage)
            try await Task.sleep(for: .seconds(Self.seconds + 3))
            print("a room of sixteen, eight talk: \(Self.costs(programs))")
            // The first talks to the second and the ninth from now on.
            programs[0].type("/whisper \(Self.name(1)) \(Self.name(8))")
            try await programs[0].event("whispering") { $0.bool("on") == true }
            programs[0].type("psst")
            try await Task.sleep(for: .seconds(3))
            for program in programs { program.send(SIGTERM) }
            for program in programs { try await program.status(within: .seconds(30)) }
            for (member, program) in programs.enumerated() {
                try checkTalk(of: member, at: "\(stage.folder)/\(member).wav")
                checkWhisper(member, program)
                let kinds = program.events("warning").map { $0.text("kind") }
                #expect(!kinds.contains("overload"), "\(Self.name(member)): \(kinds)")
            }
        }

        private func checkTalk(of member: Int, at path: String) throws {
            let sound = try Sound(path)
            let end = sound.seconds
            var missing: [String] = []
            for talker in 0..<Self.talkers {
                let hertz = Double(Self.hertz(talker))
                var heard = 0
                let windows = Self.seconds
                for second in 0..<windows {
                    let start = end - 4 - Double(windows - second)
                    if sound.hasTone(hertz, from: start, seconds: 0.25) { heard += 1 }
                }
                // A busy machine may have its moments.
                let isThere = heard * 10 >= windows * 9
                if talker != member, !isThere { missing.append("\(hertz) Hz: \(heard)") }
                if talker == member, heard > 0 { missing.append("itself: \(heard)") }
            }
            #expect(missing.isEmpty, "\(Self.name(member)) hears of \(Self.seconds): \(missing)")
            // The whisper at the end: the tone of the first is there for two only.
            let whispered = sound.hasTone(
                Double(Self.hertz(0)), from: end - 1.5, seconds: 0.5)
            #expect(whispered == [1, 8].contains(member), "\(Self.name(member)): \(whispered)")
        }

        private func checkWhisper(_ member: Int, _ program: Program) {
            let chats = program.events("chat").filter { $0.text("text") == "psst" }
            #expect(chats.count == ([1, 8].contains(member) ? 1 : 0), "\(Self.name(member))")
            for chat in chats {
                #expect((chat.fields["to"] as? [Int]) == [2, 9])
                let talks = program.events("talking").contains {
                    $0.number("member") == 1 && $0.bool("whisper") == true
                }
                #expect(talks, "\(Self.name(member)) is told that it is a whisper")
            }
        }

        /// CPU and memory of each member, as it says itself.
        private static func costs(_ programs: [Program]) -> String {
            programs.enumerated().map { member, program in
                let last = program.events("stats").suffix(10)
                let cpu = last.map { $0.number("cpu_percent") }.reduce(0, +) / Double(last.count)
                let memory = (last.last?.number("rss_bytes") ?? 0) / 1_048_576
                return "\(name(member)) \(rounded(cpu)) % \(rounded(memory)) MiB"
            }.joined(separator: ", ")
        }

        private static func rounded(_ value: Double) -> Double { (value * 10).rounded() / 10 }
    }
}

/// A recording: 16 bits, mono, 48 kHz.
private struct Sound {
    private let samples: [Int16]

    init(_ path: String) throws {
        let data = try Data(contentsOf: URL(fileURLWithPath: path))
        let mark = try #require(data.range(of: Data("data".utf8)))
        let bytes = data[(mark.upperBound + 4)...]
        samples = [Int16](unsafeUninitializedCapacity: bytes.count / 2) { buffer, count in
            count = bytes.copyBytes(to: buffer) / 2
        }
    }

    var seconds: Double { Double(samples.count) / 48_000 }

    /// Whether a tone stands out by 15 dB from what is 100 Hz above and below it.
    func hasTone(_ hertz: Double, from start: Double, seconds: Double) -> Bool {
        let beside = max(
            power(hertz - 100, from: start, seconds: seconds),
            power(hertz + 100, from: start, seconds: seconds))
        let tone = power(hertz, from: start, seconds: seconds)
        return tone > 1e-6 && tone > beside * 30
    }

    /// The power of one frequency (Goertzel), behind a Hann window.
    private func power(_ hertz: Double, from start: Double, seconds: Double) -> Double {
        let first = Int(start * 48_000)
        let count = Int(seconds * 48_000)
        guard first >= 0, first + count <= samples.count else { return 0 }
        let factor = 2 * cos(2 * .pi * hertz / 48_000)
        var (last, beforeLast) = (0.0, 0.0)
        var index = 0
        while index < count {
            let window = 0.5 - 0.5 * cos(2 * .pi * Double(index) / Double(count))
            let value = Double(samples[first + index]) / 32_768 * window
            (last, beforeLast) = (value + factor * last - beforeLast, last)
            index += 1
        }
        let sum = last * last + beforeLast * beforeLast - factor * last * beforeLast
        return sum / Double(count) / Double(count)
    }
}
