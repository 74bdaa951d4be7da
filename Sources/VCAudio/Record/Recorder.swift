internal import CVCLinux
internal import Synchronization

/// Writes what is said and heard to one track of a file, on a thread of its own: the audio threads
/// leave their samples in rings and never wait. What goes wrong ends the recording, not the call.
final class Recorder: @unchecked Sendable {
    /// How often it looks: the rings hold more than twice as much.
    private static let interval: Int32 = 250
    /// How far behind the clock it writes, so that both sides have come: 500 ms.
    private static let lag: UInt64 = 500_000_000
    /// Samples that are written at once: 100 ms.
    private static let chunk = 4_800

    private let said: RecordTap
    private let heard: RecordTap
    private let file: SoundFileWriter
    private let isStopping = Atomic<Bool>(false)
    private let hasFailed = Atomic<Bool>(false)
    /// Written by the recorder before `hasFailed`.
    private var failure: DeviceError?
    private let wake: EventSignal
    /// The boot clock, in nanoseconds: that of the pieces.
    private let clock: @Sendable () -> UInt64
    private var thread: AudioThread?
    // The recorder's own.
    private var timeline: RecordTimeline
    private var limiter = Limiter()
    private let block = SampleBuffer(count: Recorder.chunk)

    /// Opens `path` and records what the taps give. `tell` is called on the recorder's thread when
    /// it failed.
    init(
        path: String, said: RecordTap, heard: RecordTap,
        clock: @escaping @Sendable () -> UInt64 = { vc_boottime_nanoseconds() },
        tell: @escaping @Sendable () -> Void
    ) throws(DeviceError) {
        let format = try Self.check(path)
        file = try SoundFileWriter(path: path, format: format)
        self.said = said
        self.heard = heard
        wake = try EventSignal()
        self.clock = clock
        timeline = RecordTimeline(origin: clock())
        said.setOpen(true)
        heard.setOpen(true)
        discard()
        let body = Unowned(self)
        thread = try AudioThread(name: "vc-record", isRealTime: false) { _ in
            unsafe body.value.run()
            if unsafe body.value.hasFailed.load(ordering: .relaxed) { tell() }
        }
    }

    /// The format of a recording at `path`, which can be written there; where it is new, it is
    /// readable by this user only.
    @discardableResult
    static func check(_ path: String) throws(DeviceError) -> Int32 {
        guard let format = SoundFileFormat.recordingFormat(of: path) else {
            throw .unknownRecordingEnding(path: path)
        }
        _ = try SoundFileLibrary()
        try SoundFileWriter.makePrivate(path)
        return format
    }

    /// Lets its thread use the recorder without keeping it: `stop` joins the thread first.
    private struct Unowned: @unchecked Sendable {
        unowned(unsafe) let value: Recorder
        init(_ value: Recorder) { unsafe self.value = value }
    }

    /// Control: ends the recording and finishes the file; what went wrong, if anything did.
    func stop() -> DeviceError? {
        said.setOpen(false)
        heard.setOpen(false)
        isStopping.store(true, ordering: .releasing)
        wake.signal()
        thread?.join()
        thread = nil
        return hasFailed.load(ordering: .acquiring) ? failure : nil
    }

    /// Control: whether it has ended by itself.
    var isOver: Bool { hasFailed.load(ordering: .acquiring) }

    // MARK: Its thread

    private func run() {
        do throws(DeviceError) {
            while !isStopping.load(ordering: .acquiring) {
                wake.wait(milliseconds: Self.interval)
                try write(behind: Self.lag)
            }
            try write(behind: 0)
            try file.close()
        } catch {
            failure = error
            hasFailed.store(true, ordering: .releasing)
        }
    }

    /// Writes all that lies further behind the clock than `lag`.
    private func write(behind lag: UInt64) throws(DeviceError) {
        let now = clock()
        timeline.note(now)
        try drain()
        try flush(until: timeline.position(of: now - min(now, lag)))
    }

    /// What an earlier recording left behind.
    private func discard() {
        for tap in [said, heard] { while tap.ring?.pop({ _, _, _ in }) ?? false {} }
    }

    private func drain() throws(DeviceError) {
        try drain(said, .said)
        try drain(heard, .heard)
    }

    private func drain(_ tap: RecordTap, _ side: RecordTimeline.Side) throws(DeviceError) {
        guard let ring = tap.ring else { return }
        var isMore = true
        while isMore {
            var end = 0
            isMore = ring.pop { piece, samples, offset in
                let place = timeline.place(side, at: piece.start, count: piece.count)
                timeline.add(samples, at: offset, count: piece.count, place: place)
                end = place.position + piece.count
            }
            // After a disk that hung, the rest needs room.
            try flush(until: end - RecordTimeline.window / 2)
        }
    }

    private func flush(until end: Int) throws(DeviceError) {
        while timeline.taken < end {
            let count = timeline.take(until: end, atMost: Self.chunk, into: block)
            limiter.process(block, count: count)
            try file.write(block, count: count)
        }
    }
}
