internal import Glibc
internal import Synchronization

/// Whether the devices work, tried out for two seconds: for `vc doctor`.
public enum SoundCheck {
    /// What a microphone gave.
    public enum Background: Equatable, Sendable {
        /// So loud, in dB below full scale.
        case level(Double)
        /// Only zeros: muted by a switch or in the mixer, or no microphone at all.
        case digitalSilence
    }

    /// What became of the chirp.
    public enum Echo: Equatable, Sendable {
        /// The microphone heard the loudspeaker: so loud, in dB below full scale, and so much later
        /// than it was played, buffers included.
        case heard(level: Double, delay: Duration)
        /// It did not: a headset, or the wrong device.
        case notHeard(Background)
    }

    private static let sampleRate = 48_000
    /// How long a microphone is listened to.
    private static let listenSamples = 24_000
    /// Silence, so that devices settle and the background is known; then the chirp; then time for
    /// the slowest of buffers.
    private static let chirpStart = 24_000
    private static let totalSamples = 96_000
    /// Samples per read: 10 ms.
    private static let block = 480

    /// Records for half a second.
    public static func listen(to capture: DeviceName) throws(DeviceError) -> Background {
        let device = try capture.openCapture(DeviceBuffers())
        defer { device.close() }
        let recording = Recording(count: listenSamples)
        while !recording.isFull { try recording.read(from: device, block) }
        return background(of: recording.samples)
    }

    /// Opens it, and closes it again.
    public static func open(capture: DeviceName) throws(DeviceError) {
        try capture.openCapture(DeviceBuffers()).close()
    }

    /// Plays 20 ms of silence.
    public static func open(_ playback: DeviceName) throws(DeviceError) {
        let device = try playback.openPlayback(DeviceBuffers())
        defer { device.close() }
        let silence = SampleBuffer(count: Mixer.blockLimit)
        var played = 0
        while played < 2 * block {
            let count = try device.wait()
            try device.write(silence, count: count)
            played += count
        }
    }

    /// Plays a chirp and listens for it: two seconds.
    public static func echo(
        capture: DeviceName, playback: DeviceName
    ) throws(DeviceError) -> Echo {
        let microphone = try capture.openCapture(DeviceBuffers())
        defer { microphone.close() }
        let loudspeaker = try playback.openPlayback(DeviceBuffers())
        defer { loudspeaker.close() }
        let chirp = Chirp()
        let recording = Recording(count: totalSamples)
        let problem = Mutex<DeviceError?>(nil)
        let reader = Unchecked(value: microphone)
        let thread = try AudioThread(name: "vc-echo") { _ in
            do throws(DeviceError) {
                while !recording.isFull { try recording.read(from: reader.value, block) }
            } catch {
                recording.stop()
                problem.withLock { $0 = error }
            }
        }
        defer { thread.join() }
        let played: UInt64
        do throws(DeviceError) {
            played = try play(chirp, on: loudspeaker, while: recording)
        } catch {
            recording.stop()
            throw error
        }
        thread.join()
        if let error = problem.withLock({ $0 }) { throw error }
        return result(chirp, recording, played: played)
    }

    /// Returns when the first sample of the chirp was handed over, in nanoseconds.
    private static func play(
        _ chirp: Chirp, on device: any PlaybackDevice, while recording: Recording
    ) throws(DeviceError) -> UInt64 {
        let samples = SampleBuffer(count: Mixer.blockLimit)
        var position = 0
        var played: UInt64 = 0
        while !recording.isFull {
            let count = try device.wait()
            if (position..<position + count).contains(chirpStart) {
                played = Pace.now() + nanoseconds(chirpStart - position)
            }
            for index in 0..<count {
                let place = position + index - chirpStart
                samples[index] = chirp.samples.indices.contains(place) ? chirp.samples[place] : 0
            }
            try device.write(samples, count: count)
            position += count
        }
        return played
    }

    private static func result(
        _ chirp: Chirp, _ recording: Recording, played: UInt64
    ) -> Echo {
        let samples = recording.samples
        let quiet = background(of: Array(samples.prefix(chirpStart / 2)))
        guard let found = chirp.find(in: samples) else {
            return .notHeard(background(of: samples) == .digitalSilence ? .digitalSilence : quiet)
        }
        let heard = recording.end - nanoseconds(samples.count - found.position)
        let delay = heard > played ? heard - played : 0
        return .heard(
            level: decibels(Chirp.amplitude / 2.0.squareRoot() * found.gain),
            delay: .nanoseconds(Int64(delay)))
    }

    private static func background(of samples: [Float]) -> Background {
        let sum = samples.reduce(0.0) { $0 + Double($1) * Double($1) }
        guard sum > 0 else { return .digitalSilence }
        return .level(decibels((sum / Double(samples.count)).squareRoot()))
    }

    private static func decibels(_ amplitude: Double) -> Double {
        20 * log10(max(amplitude, 1e-9))
    }

    private static func nanoseconds(_ samples: Int) -> UInt64 {
        UInt64(max(0, samples)) * 1_000_000_000 / UInt64(sampleRate)
    }
}

/// A device on its way to the one thread that uses it.
private struct Unchecked<Value>: @unchecked Sendable {
    let value: Value
}

/// What was recorded, by one thread, and read by another one after that thread has ended.
private final class Recording: @unchecked Sendable {
    private let limit: Int
    private let filled = Atomic<Bool>(false)
    private let buffer = SampleBuffer(count: Mixer.blockLimit)
    private(set) var samples: [Float] = []
    /// When the last block was there, in nanoseconds.
    private(set) var end: UInt64 = 0

    init(count: Int) {
        limit = count
        samples.reserveCapacity(count + Mixer.blockLimit)
    }

    var isFull: Bool { filled.load(ordering: .acquiring) }

    func stop() { filled.store(true, ordering: .releasing) }

    func read(from device: any CaptureDevice, _ count: Int) throws(DeviceError) {
        _ = try device.read(count, into: buffer)
        end = Pace.now()
        for index in 0..<count { samples.append(buffer[index]) }
        if samples.count >= limit { stop() }
    }
}
