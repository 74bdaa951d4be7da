internal import Glibc

/// A sine, or digital silence, at the pace of the clock.
final class ToneCapture: CaptureDevice {
    /// -15 dBFS: loud, and far from the limiter.
    private static let amplitude = 0.25

    let isMicrophone = false
    let hasRoom = false
    let xruns = 0
    private var pace = Pace()
    private var isPaused = false
    private let step: Double?
    private var phase = 0.0

    /// A tone of `hertz`, silence without.
    init(hertz: Double?) {
        step = hertz.map { 2 * .pi * $0 / 48_000 }
    }

    func read(
        _ count: Int, into samples: borrowing SampleBuffer
    ) throws(DeviceError) -> CaptureStamp {
        let isContinuous = waitForSamples(count)
        guard let step else {
            samples.clear(at: 0, count: count)
            return CaptureStamp(isContinuous: isContinuous)
        }
        for index in 0..<count {
            samples[index] = Float(Self.amplitude * sin(phase))
            phase += step
        }
        phase = phase.truncatingRemainder(dividingBy: 2 * .pi)
        return CaptureStamp(isContinuous: isContinuous)
    }

    func pause() { isPaused = true }

    func close() {}

    private func waitForSamples(_ count: Int) -> Bool {
        let wasPaused = isPaused
        if wasPaused {
            isPaused = false
            pace.restart()
        }
        pace.skip(count)
        if pace.sleep() { return !wasPaused }
        pace.restart()
        return false
    }
}

/// Takes samples at the pace of the clock and forgets them.
final class SilentPlayback: PlaybackDevice {
    /// Half a frame: what a block costs in delay, against two wake-ups a frame.
    static let block = 240

    let isLoudspeaker = false
    let patience: UInt64 = 1_000_000_000
    let xruns = 0
    let hasMoved = true
    private var pace = Pace()

    var delayMicroseconds: Int { pace.microsecondsAhead }

    func takeChange() -> Bool { false }

    func takeInterruption() -> Bool { false }

    func wait() throws(DeviceError) -> Int {
        if !pace.sleep() { pace.restart() }
        return Self.block
    }

    func write(_ samples: borrowing SampleBuffer, count: Int) throws(DeviceError) {
        pace.skip(count)
    }

    func pause() throws(DeviceError) {}

    func close() {}
}
