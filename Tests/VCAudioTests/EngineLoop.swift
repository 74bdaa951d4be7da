import CVCLinux
import Glibc
import Synchronization
import Testing
import VCAudio
import VCCore

/// An engine whose captured frames come back as those of another member, as if through a network
/// of no length: what goes in at the microphone comes out at the loudspeaker.
final class EngineLoop: @unchecked Sendable {
    let engine: AudioEngine
    private let isStopping = Atomic<Bool>(false)
    private var thread = pthread_t()
    /// Written by the pump, read by the test after `stop` or as a rough number before.
    let frames = Atomic<Int>(0)

    init(
        _ configuration: AudioEngine.Configuration, slot: Int = 1, plugin: Plugin? = nil
    ) throws {
        engine = try AudioEngine(configuration, plugin: plugin)
        try engine.setActive(true, slot: slot)
        try engine.start()
        let context = Unmanaged.passRetained(self)
        pthread_create(
            &thread, nil,
            { raw in
                let loop = Unmanaged<EngineLoop>.fromOpaque(raw!).takeRetainedValue()
                loop.pump()
                return nil
            }, context.toOpaque())
    }

    func stop() {
        isStopping.store(true, ordering: .releasing)
        pthread_join(thread, nil)
        engine.stop()
    }

    private func pump() {
        // The thread that made this one may be one of libdispatch's, which take no signals.
        var signals = sigset_t()
        sigemptyset(&signals)
        sigaddset(&signals, SIGUSR1)
        pthread_sigmask(SIG_UNBLOCK, &signals, nil)
        while !isStopping.load(ordering: .acquiring) {
            _ = vc_poll_readable(engine.captureReady, 50)
            var count: UInt64 = 0
            _ = read(engine.captureReady, &count, 8)
            while engine.capturedFrames.pop({ frame, payload in
                var arrived = frame
                arrived.instant = Instant(nanoseconds: vc_boottime_nanoseconds())
                engine.receive(arrived, payload: payload, slot: 1)
                frames.wrappingAdd(1, ordering: .relaxed)
            }) {}
        }
    }

    /// Waits until `condition` holds, at most `seconds`; whether it came to hold.
    func wait(seconds: Double, until condition: () -> Bool) -> Bool {
        var steps = Int(seconds * 100)
        while steps > 0 {
            if condition() { return true }
            usleep(10_000)
            steps -= 1
        }
        return condition()
    }

    /// All events so far.
    func events() -> [EngineEvent] {
        var events: [EngineEvent] = []
        while let event = engine.pollEvent() { events.append(event) }
        return events
    }
}

/// A directory that is gone after the test.
final class TemporaryDirectory {
    let path: String

    init() throws {
        var template = Array("/tmp/vc-audio-XXXXXX".utf8CString)
        let made = template.withUnsafeMutableBufferPointer { mkdtemp($0.baseAddress!) }
        path = String(cString: try #require(made))
    }

    deinit {
        if let directory = opendir(path) {
            while let entry = readdir(directory) {
                let name = withUnsafePointer(to: &entry.pointee.d_name) {
                    $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
                }
                unlink(path + "/" + name)
            }
            closedir(directory)
        }
        rmdir(path)
    }
}

/// 16-bit mono WAV files, written and read without the library under test.
enum WAV {
    static func write(_ samples: [Float], rate: Int, channels: Int = 1, to path: String) throws {
        let file = try #require(fopen(path, "w"))
        defer { fclose(file) }
        var bytes: [UInt8] = []
        func append<Integer: FixedWidthInteger>(_ value: Integer) {
            withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
        }
        let size = samples.count * 2
        bytes.append(contentsOf: "RIFF".utf8)
        append(UInt32(36 + size))
        bytes.append(contentsOf: "WAVEfmt ".utf8)
        append(UInt32(16))
        append(UInt16(1))
        append(UInt16(channels))
        append(UInt32(rate))
        append(UInt32(rate * channels * 2))
        append(UInt16(channels * 2))
        append(UInt16(16))
        bytes.append(contentsOf: "data".utf8)
        append(UInt32(size))
        for sample in samples { append(Int16(max(-1, min(1, sample)) * 32_767)) }
        fwrite(bytes, 1, bytes.count, file)
    }

    /// The samples, as the header of the file counts them.
    static func read(_ path: String) throws -> [Float] {
        let file = try #require(fopen(path, "r"))
        defer { fclose(file) }
        var bytes = [UInt8](repeating: 0, count: 100_000_000)
        let count = fread(&bytes, 1, bytes.count, file)
        func word(_ offset: Int) -> Int {
            (0..<4).reduce(0) { $0 | Int(bytes[offset + $1]) << (8 * $1) }
        }
        var offset = 12
        while offset + 8 <= count {
            let size = word(offset + 4)
            if bytes[offset..<offset + 4].elementsEqual("data".utf8) {
                return (0..<size / 2).map { index in
                    let at = offset + 8 + 2 * index
                    let value = Int16(bitPattern: UInt16(bytes[at]) | UInt16(bytes[at + 1]) << 8)
                    return Float(value) / 32_767
                }
            }
            offset += 8 + size + size % 2
        }
        return []
    }
}

extension [CChar] {
    /// What stands in front of the first zero.
    var text: String {
        String(decoding: prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }
}

/// Lets the devices run. They keep the pace of the clock, and what is looked at afterwards is what
/// they played and recorded meanwhile: there is no event to wait for.
func letRun(milliseconds: UInt32) {
    usleep(milliseconds * 1_000)
}
