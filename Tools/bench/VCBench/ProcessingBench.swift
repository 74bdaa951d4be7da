import CCodecLoop
import CVCLinux
import Glibc
import VCAudio

/// What the processing of the microphone costs, with echo cancellation between two clocks: all of
/// it over the library's own calls, and over the codec path in C, by CPU time of the thread.
final class ProcessingBench {
    private static let frame = ProcessingOptions.frameSamples

    private let sound: SampleBuffer
    private let ring = LoudspeakerRing()
    private var chain: CaptureChain
    private let alone: MicrophoneProcessing
    private let samples = SampleBuffer(count: ProcessingBench.frame)
    private var number = 0

    /// - Parameter seconds: how much of a voice is gone through again and again.
    init(seconds: Int) throws {
        let processing = try MicrophoneProcessing(.all)
        alone = try MicrophoneProcessing(.all)
        chain = CaptureChain(processing: processing, ring: ring, insert: nil)
        sound = voice(seconds: seconds)
    }

    func run(rounds: Int, frames: Int) throws {
        let list = (0..<sound.count).map { sound[$0] }
        _ = whole(frames: 500)
        _ = library(frames: 500)
        var overLibrary: [Double] = []
        var overCodec: [Double] = []
        var each: [Double] = []
        for _ in 0..<max(1, rounds) {
            let codec = Double(unsafe vc_codec_loop(list, Int32(list.count), Int32(frames)))
            let library = Double(library(frames: frames))
            let whole = Double(whole(frames: frames))
            overLibrary.append(whole / library)
            overCodec.append(whole / codec)
            each.append(whole / Double(frames) / 1_000)
        }
        let micro = (each.sorted()[each.count / 2] * 10).rounded() / 10
        row(
            "processing of the microphone: CPU of all over the library alone", overLibrary,
            unit: "ratio", limit: 1.25, note: "\(micro) us a frame of 10 ms")
        row(
            "processing of the microphone: CPU over the codec path in C", overCodec, unit: "ratio",
            limit: 4, note: "encode + seal + open + decode of the same sound")
    }

    /// Nanoseconds of CPU for `frames` frames, the library's calls alone.
    private func library(frames: Int) -> UInt64 {
        let start = vc_thread_cpu_nanoseconds()
        for _ in 0..<frames {
            take()
            alone.hearLoudspeaker(samples, at: 0)
            _ = alone.process(samples, at: 0, echoDelayMilliseconds: 20)
        }
        return vc_thread_cpu_nanoseconds() - start
    }

    /// The same with all that is around them, and a loudspeaker that is 50 ppm slow.
    private func whole(frames: Int) -> UInt64 {
        let start = vc_thread_cpu_nanoseconds()
        for _ in 0..<frames {
            take()
            let end = UInt64(number + 100) * 10_000_000
            ring.push(
                samples, count: Self.frame, heardAt: end + UInt64(number) * 500 + 20_000_000)
            _ = chain.process(samples, count: Self.frame, end: end)
        }
        return vc_thread_cpu_nanoseconds() - start
    }

    private func take() {
        number += 1
        let frames = sound.count / Self.frame
        samples.copy(
            from: sound, at: number % frames * Self.frame, to: 0, count: Self.frame)
    }
}
