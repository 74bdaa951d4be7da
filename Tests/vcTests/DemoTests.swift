import Glibc
import Testing

@testable import vc

@Suite("The demo reads")
struct DemoTests {
    @Test("what `--json` writes, whatever is in it")
    func ownOutput() throws {
        let text = "a \"b\" \\ \n\t\u{1} \u{7F} \u{2028} ü€\u{1F600}/"
        var inner = JSONObject()
        inner.add("x", 1.5, decimals: 2)
        inner.add("none", nil as Double?, decimals: 1)
        var object = JSONObject()
        object.add("text", text)
        object.add("yes", true)
        object.add("count", UInt64(1) << 50)
        object.add("list", [inner, inner])
        object.add("words", ["a", text])
        let value = try #require(JSONValue(object.closed.utf8))
        #expect(value["text"]?.string == text)
        #expect(value["yes"] == .bool(true))
        #expect(value["count"]?.int == 1 << 50)
        #expect(value["list"]?.elements.count == 2)
        #expect(value["list"]?.elements[1]["x"]?.double == 1.5)
        #expect(value["list"]?.elements[1]["none"] == .null)
        #expect(value["words"]?.elements == [.string("a"), .string(text)])
        #expect(value["other"] == nil)
    }

    @Test(
        "only JSON",
        arguments: [
            "", "{", "{}x", "[1,]", "{\"a\"}", "{\"a\":}", "{a:1}", "\"a", "\"\\x\"", "\"\\u12\"",
            "\"\\ud800\"", "nul", "1e999", "--1", "\"\n\"", "{\"a\":1,}", "[1 2]",
            String(repeating: "[", count: 10_000),
        ])
    func refused(text: String) {
        #expect(JSONValue(text.utf8) == nil)
    }

    @Test("JSON with spaces and escapes")
    func foreign() {
        #expect(
            JSONValue(" { \"a\" : [ ] , \"b\" : \"\\u00e4\\/\\n\" } ".utf8)
                == .object(["a": .array([]), "b": .string("ä/\n")]))
        #expect(JSONValue("-1.5e2".utf8) == .number(-150))
    }

    @Test("how much of a recording is sound, not what the header says")
    func recording() throws {
        var samples = [Int16](repeating: 0, count: 48_000)
        for index in 12_000..<24_000 { samples[index] = index % 2 == 0 ? 3_000 : -3_000 }
        let recording = try #require(try write(samples))
        #expect(recording.seconds == 1)
        #expect(recording.soundSeconds == 0.25)
        #expect(try write([Int16](repeating: 90, count: 4_800))?.soundSeconds == 0)
        #expect(Recording(path: "/nowhere/a.wav") == nil)
    }

    @Test("a report is a table with a column for everybody, and one object")
    func report() {
        var hearing = DemoMember.Hearing(number: 2)
        hearing.rung = "direct"
        hearing.received = 99
        hearing.late = 1
        hearing.mouthToEarMilliseconds = [10, 30, 20]
        let ana = DemoReport.Member(
            name: "ana", isHost: true, isRelayed: false, number: 1, secondsToJoin: nil,
            secondsToVoice: 0.1,
            hearings: [hearing], heardSeconds: 7.25, chatDelivered: false, cpuPercent: 1.5,
            residentBytes: 10 << 20, recording: "out/ana.wav")
        let server = DemoReport.Server(name: "vc-signal", cpuPercent: 0.1, residentBytes: 5 << 20)
        let report = DemoReport(
            members: [ana], servers: [server], directory: "out", seconds: 9, problems: ["no"])
        let lines = report.lines
        #expect(lines[0] == "                   ana (host)  vc-signal")
        #expect(lines.contains("mouth to ear          20.0 ms"))
        #expect(lines.contains("frames lost          1 of 100"))
        #expect(lines.contains("chat delivered             no"))
        #expect(lines.contains("memory               10.0 MiB    5.0 MiB"))
        let json = JSONValue(report.json.utf8)
        #expect(json?["ok"] == .bool(false))
        #expect(json?["problems"] == .array([.string("no")]))
        #expect(
            json?["members"]?.elements.first?["hears"]?.elements.first?["mouth_to_ear_ms"]?.double
                == 20)
    }

    /// Writes samples as a WAV file with a chunk in front of the data, and reads it.
    private func write(_ samples: [Int16]) throws -> Recording? {
        var bytes = Array("RIFF....WAVEfmt ".utf8) + [2, 0, 0, 0, 1, 2]
        bytes += Array("LIST".utf8) + [3, 0, 0, 0, 1, 2, 3, 0]
        bytes += Array("data".utf8) + [0, 0, 0, 0]
        for sample in samples {
            bytes += [UInt8(truncatingIfNeeded: sample), UInt8(truncatingIfNeeded: sample >> 8)]
        }
        var template = Array("/tmp/vc-recording-XXXXXX".utf8CString)
        let descriptor = mkstemp(&template)
        try #require(descriptor >= 0)
        #expect(Glibc.write(descriptor, bytes, bytes.count) == bytes.count)
        close(descriptor)
        defer { unlink(template) }
        return Recording(
            path: String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self))
    }
}
