import CAllocationCounter
import CVCLinux
import Glibc
import Synchronization
import Testing
import VCAudioTestKit
import VCCore

@testable import VCAudio

extension OneByOne {
    /// An engine at the pace of the clock, whose two threads count what they ask for, with all that
    /// a call can have: processing, a plugin, members with loss and with jitter, a recording.
    @Suite(.serialized) struct CallAllocationTests {
        private static let seconds = Tests.isFull ? 600 : 3

        @Test("the audio threads of a call allocate nothing, whatever happens in it")
        func call() throws {
            guard vc_allocation_counter_works() == 1 else { return }
            let directory = try TemporaryDirectory()
            let call = try CountedCall(recordingTo: directory.path + "/call.wav")
            // What is made once, when something happens for the first time: on a busy machine the
            // loudspeaker is not heard in the first second yet.
            for second in 0..<2 { try call.runSecond(second) }
            call.beginCounting()
            for second in 1...Self.seconds { try call.runSecond(second) }
            let members = (1...3).map { call.engine.memberStatistics(slot: $0) }
            #expect(call.stop() == nil)
            let allowed = MicrophoneProcessing.allocations(inFrames: Self.seconds * 100)
            #expect(call.microphone.count.allocations <= allowed)
            #expect(call.loudspeaker.count.allocations == 0)
            // 0.8 of each second, in frames of 10 or 20 ms and in blocks of 5.
            #expect(call.microphone.count.looks > Self.seconds * 30)
            #expect(call.loudspeaker.count.looks > Self.seconds * 100)
            #expect(members.allSatisfy { $0.hasPlayed && $0.received > Self.seconds * 30 })
            #expect(members[1].lost > 0 && members[2].concealed > 0, "\(members)")
        }
    }
}

/// What a thread has asked for since counting began, as its device sees it in each frame.
private final class ThreadCount: Sendable {
    private let isCounting = Atomic<Bool>(false)
    private let first = Atomic<UInt64>(0)
    private let last = Atomic<UInt64>(0)
    private let count = Atomic<Int>(0)

    var allocations: UInt64 { last.load(ordering: .relaxed) - first.load(ordering: .relaxed) }
    /// How often was looked.
    var looks: Int { count.load(ordering: .relaxed) }

    func begin() { isCounting.store(true, ordering: .relaxed) }

    func look() {
        guard isCounting.load(ordering: .relaxed) else { return }
        let now = vc_allocation_count()
        if looks == 0 { first.store(now, ordering: .relaxed) }
        last.store(now, ordering: .relaxed)
        count.wrappingAdd(1, ordering: .relaxed)
    }
}

/// Hears a voice, which stops for breath in each fourth second.
private final class CountingMicrophone: CaptureDevice {
    let isMicrophone = true
    let xruns = 0
    let count = ThreadCount()
    private let silence = ToneCapture(hertz: nil)
    private let voice = SampleBuffer(count: 192_000)
    private var position = 0

    init() {
        for index in 0..<voice.count { voice[index] = VoiceSignal.sample(at: index) }
    }

    func read(
        _ count: Int, into samples: borrowing SampleBuffer
    ) throws(DeviceError) -> CaptureStamp {
        self.count.look()
        let stamp = try silence.read(count, into: samples)
        if position + count > voice.count { position = 0 }
        samples.copy(from: voice, at: position, to: 0, count: count)
        position += count
        return stamp
    }

    func pause() { silence.pause() }

    func close() {}
}

/// Is told what it plays, so that it can be cancelled.
private final class CountingLoudspeaker: PlaybackDevice {
    let isLoudspeaker = true
    let patience: UInt64 = 50_000_000
    let xruns = 0
    let hasMoved = true
    let count = ThreadCount()
    private let silence = SilentPlayback()

    var delayMicroseconds: Int { silence.delayMicroseconds }

    func takeChange() -> Bool { false }

    func takeInterruption() -> Bool { false }

    func wait() throws(DeviceError) -> Int {
        count.look()
        return try silence.wait()
    }

    func write(_ samples: borrowing SampleBuffer, count: Int) throws(DeviceError) {
        try silence.write(samples, count: count)
    }

    func pause() throws(DeviceError) {}

    func close() {}
}

/// An engine that hears itself as three members.
private final class CountedCall {
    let engine: AudioEngine
    let microphone = CountingMicrophone()
    let loudspeaker = CountingLoudspeaker()
    /// What is on its way to the third member, whose packets come several at a time.
    private var late: [(frame: VoiceFrame, payload: [UInt8])] = []
    private var popped = 0

    init(recordingTo path: String) throws {
        var configuration = AudioEngine.Configuration(capture: .silence, playback: .silence)
        configuration.processing = .all
        configuration.isLeveling = true
        engine = try AudioEngine(
            configuration, plugin: Plugin(#require(PluginChoice("ladspa:amp:amp_mono"))))
        for slot in 1...3 { try engine.setActive(true, slot: slot) }
        try engine.start()
        let shared = engine.shared
        let capture = try CaptureBox(.silence, DeviceName.silence.openCapture(shared.buffers))
        let playback = try PlaybackBox(.silence, DeviceName.silence.openPlayback(shared.buffers))
        capture.device = microphone
        playback.device = loudspeaker
        shared.captureDevices.offer(capture)
        shared.playbackDevices.offer(playback)
        try engine.startRecording(to: path)
    }

    func beginCounting() {
        microphone.count.begin()
        loudspeaker.count.begin()
    }

    /// A second of the call, in which everything is turned once.
    func runSecond(_ number: Int) throws {
        let isLarge = number.isMultiple(of: 2)
        try engine.setEncoding(
            EncoderProfile(frame: isLarge ? .twentyMilliseconds : .tenMilliseconds))
        engine.setEqualizer(
            isLarge ? EqualizerSetting(low: 3, middle: 0, high: -3) : .flat)
        engine.playTone(isArrival: isLarge)
        handOn(milliseconds: 800)
        engine.setMuted(true)
        engine.setDeafened(true)
        handOn(milliseconds: 200)
        engine.setDeafened(false)
        engine.setMuted(false)
        while engine.pollEvent() != nil {}
    }

    /// What went wrong with the recording.
    func stop() -> DeviceError? {
        let failure = engine.stopRecording()
        engine.stop()
        return failure
    }

    private func handOn(milliseconds: UInt64) {
        let end = vc_boottime_nanoseconds() + milliseconds * 1_000_000
        while vc_boottime_nanoseconds() < end {
            _ = vc_poll_readable(engine.captureReady, 10)
            var count: UInt64 = 0
            _ = read(engine.captureReady, &count, 8)
            while engine.capturedFrames.pop({ hand($0, $1) }) {}
        }
    }

    private func hand(_ frame: VoiceFrame, _ payload: RawSpan) {
        var frame = frame
        frame.instant = Instant(nanoseconds: vc_boottime_nanoseconds())
        popped += 1
        engine.receive(frame, payload: payload, slot: 1)
        if !popped.isMultiple(of: 13) { engine.receive(frame, payload: payload, slot: 2) }
        late.append((frame, payload.withUnsafeBytes { Array($0) }))
        guard popped.isMultiple(of: 7) else { return }
        for (held, bytes) in late {
            var held = held
            held.instant = frame.instant
            engine.receive(held, payload: bytes.span.bytes, slot: 3)
        }
        late.removeAll()
    }
}
