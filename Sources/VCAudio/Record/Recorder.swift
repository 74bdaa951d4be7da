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
    /// How long a file may take to be finished, in nanoseconds: five seconds.
    private static let patience: UInt64 = 5_000_000_000

    private let path: String
    private let said: RecordTap
    private let heard: RecordTap
    private let file: SoundFileWriter
    private let isStopping = Atomic<Bool>(false)
    /// The rings are somebody else's: nobody waits for this recorder any more.
    private let isAbandoned = Atomic<Bool>(false)
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
        self.path = path
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

    /// Lets its thread use the recorder without keeping it: `stop` joins the thread first, or keeps
    /// the recorder for it.
    private struct Unowned: @unchecked Sendable {
        unowned(unsafe) let value: Recorder
        init(_ value: Recorder) { unsafe self.value = value }
    }

    /// Control: ends the recording and finishes the file; what went wrong, if anything did. A disk
    /// that hangs is waited for five seconds; then its thread is left to itself, with the file.
    func stop() -> DeviceError? {
        said.setOpen(false)
        heard.setOpen(false)
        isStopping.store(true, ordering: .releasing)
        wake.signal()
        guard thread?.join(until: Pace.now() + Self.patience) ?? true else {
            isAbandoned.store(true, ordering: .releasing)
            _ = unsafe Unmanaged.passRetained(self)
            return .unwritableFile(path: path, reason: "the disk does not answer")
        }
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

    /// Takes the pieces of both sides in the order of their time: after a disk that hung there are
    /// more than the time line has room for, and what one side needs is not taken from the other.
    private func drain() throws(DeviceError) {
        while let (side, ring, start) = oldest {
            // The machine may have slept in front of it.
            timeline.note(start)
            try flush(until: timeline.position(of: start) - RecordTimeline.window / 2)
            guard !isAbandoned.load(ordering: .acquiring) else { return }
            _ = ring.pop { piece, samples, offset in
                let place = timeline.place(side, at: piece.start, count: piece.count)
                timeline.add(samples, at: offset, count: piece.count, place: place)
            }
        }
    }

    private var oldest: (side: RecordTimeline.Side, ring: RecordRing, start: UInt64)? {
        let sides = [(RecordTimeline.Side.said, said), (.heard, heard)]
        let waiting = sides.compactMap { side, tap in
            tap.ring.flatMap { ring in ring.nextStart.map { (side, ring, $0) } }
        }
        return waiting.min { $0.2 < $1.2 }
    }

    private func flush(until end: Int) throws(DeviceError) {
        while timeline.taken < end {
            let count = timeline.take(until: end, atMost: Self.chunk, into: block)
            limiter.process(block, count: count)
            try file.write(block, count: count)
        }
    }
}
