// The codec path in one process: our libraries against a bare C loop that makes the same libopus
// and libsodium calls. Usage: vc-bench ROUNDS FRAMES. Rows of JSON on standard output.
//
// Each round runs both, one after the other, on the same samples and counts the CPU time of the
// thread; the result is the median of the rounds' ratios, so that what else the machine does falls
// on both sides alike.
//
// Hours of virtual time in the jitter buffer: vc-bench endurance HOURS (EnduranceBench).
// The clicks of a recording: vc-bench clicks UNDISTURBED HEARD (Tools/quality/loss.py).

import CAllocationCounter
import CCodecLoop
import CVCLinux
import Glibc
import VCAudio
import VCCore
import VCTestKit

/// Sound that costs a codec what speech does: a pulse train through three moving resonances.
func voice(seconds: Int) -> SampleBuffer {
    let samples = SampleBuffer(count: seconds * 48_000)
    var random = SplitMix64(seed: 5)
    var state = [SIMD2<Float>](repeating: .zero, count: 3)
    var taps = state
    var phase: Float = 0
    for index in 0..<samples.count {
        if index % 5_760 == 0 {
            for formant in 0..<3 {
                let hertz =
                    [Float(300), 1_000, 2_400][formant]
                    * Float.random(in: 0.8...1.4, using: &random)
                let radius = expf(-.pi * 90 / 48_000)
                taps[formant] = [2 * radius * cosf(2 * .pi * hertz / 48_000), -radius * radius]
            }
        }
        phase += (120 + 30 * sinf(Float(index) / 20_000)) / 48_000
        var source = Float.random(in: -0.004...0.004, using: &random)
        if phase >= 1 {
            phase -= 1
            source += 1
        }
        var sum: Float = 0
        for formant in 0..<3 {
            let value = source + (taps[formant] * state[formant]).sum()
            state[formant] = [value, state[formant].x]
            sum += value
        }
        samples[index] = 0.02 * sum
    }
    return samples
}

/// What a frame goes through in a call: encoder, ring, seal, open, ring, jitter buffer with its
/// decoder, all as the threads of a call do it, without the threads.
@safe final class OurPath {
    private let pair: JoinedPair
    private let captured = FrameRing(capacity: 32)
    private let received = FrameRing(capacity: 64)
    private let frame = SampleBuffer(count: 480)
    private let output = SampleBuffer(count: JitterBuffer.blockLimit)
    private let packet = UnsafeMutableRawBufferPointer.allocate(
        byteCount: Limits.datagram, alignment: 16)
    private var encoder: OpusEncoder
    private var buffer: JitterBuffer
    private var sequence: UInt16 = 0
    private var timestamp: UInt32 = 0
    private var time: UInt64 = 1_000_000_000
    private(set) var played = 0
    private(set) var allocations: UInt64 = 0

    init() throws {
        guard let arena = SecretArena() else { fatalError("no libsodium") }
        pair = try JoinedPair(arena: arena)
        encoder = try OpusEncoder()
        buffer = try JitterBuffer()
    }

    /// Nanoseconds of CPU for `frames` frames, or 0 when one was lost.
    func run(_ samples: borrowing SampleBuffer, frames: Int) throws -> UInt64 {
        var offset = 0
        played = 0
        let counted = vc_allocation_count()
        let start = vc_thread_cpu_nanoseconds()
        for _ in 0..<frames {
            frame.copy(from: samples, at: offset, to: 0, count: 480)
            try step()
            offset += 480
            if offset + 480 > samples.count { offset = 0 }
        }
        let end = vc_thread_cpu_nanoseconds()
        allocations = vc_allocation_count() - counted
        return end - start
    }

    private func step() throws {
        time += 10_000_000
        let now = Instant(nanoseconds: time)
        try encoder.encode(frame)
        captured.push(
            VoiceFrame(
                sequence: sequence, timestamp: timestamp, level: 20, instant: now),
            payload: encoder.packet)
        sequence &+= 1
        timestamp &+= 480
        captured.pop { frame, payload in
            let header = VoiceHeader(
                flags: frame.flags.rawValue, sequence: frame.sequence, timestamp: frame.timestamp,
                level: frame.level)
            unsafe payload.withUnsafeBytes { bytes in
                _ = unsafe pair.send(header, bytes, from: .host, through: packet) { arrival in
                    unsafe received.push(
                        VoiceFrame(
                            sequence: arrival.header.sequence,
                            timestamp: arrival.header.timestamp, instant: now),
                        payload: RawSpan(_unsafeBytes: arrival.frame))
                }
            }
        }
        // Two blocks of 5 ms, as a device asks for them.
        for block in UInt64(0)..<2 {
            received.pop { frame, payload in buffer.receive(frame, payload: payload) }
            let due = Instant(nanoseconds: time + block * 5_000_000)
            if buffer.pull(into: output, count: 240, at: due) { played += 1 }
        }
    }
}

func row(_ name: String, _ values: [Double], unit: String, limit: Double, note: String) {
    let sorted = values.sorted()
    let median = (sorted[(sorted.count - 1) / 2] + sorted[sorted.count / 2]) / 2
    print(
        #"{"name": "\#(name)", "unit": "\#(unit)", "value": \#(median), "low": \#(sorted[0]), "#
            + #""high": \#(sorted[sorted.count - 1]), "count": \#(sorted.count), "#
            + #""limit": \#(limit), "note": "\#(note)"}"#)
}

if CommandLine.arguments.count > 1, CommandLine.arguments[1] == "jitter" {
    let minutes = CommandLine.arguments.count > 2 ? Int(CommandLine.arguments[2]) ?? 10 : 10
    try JitterBench().run(minutes: max(1, minutes))
    exit(0)
}
if CommandLine.arguments.count > 1, CommandLine.arguments[1] == "endurance" {
    let hours = CommandLine.arguments.count > 2 ? Int(CommandLine.arguments[2]) ?? 1 : 1
    try EnduranceBench().run(hours: max(1, hours))
    exit(0)
}
if CommandLine.arguments.count == 4, CommandLine.arguments[1] == "clicks" {
    try ClickCount.run(
        undisturbed: CommandLine.arguments[2], heard: CommandLine.arguments[3])
    exit(0)
}
if CommandLine.arguments.count > 1, CommandLine.arguments[1] == "processing" {
    let rounds = CommandLine.arguments.count > 2 ? Int(CommandLine.arguments[2]) ?? 9 : 9
    try ProcessingBench(seconds: 10).run(rounds: rounds, frames: 2_000)
    exit(0)
}
let rounds = CommandLine.arguments.count > 1 ? Int(CommandLine.arguments[1]) ?? 9 : 9
let frames = CommandLine.arguments.count > 2 ? Int(CommandLine.arguments[2]) ?? 2_000 : 2_000
let samples = voice(seconds: 10)
let path = try OurPath()
_ = try path.run(samples, frames: 200)
let list = (0..<samples.count).map { samples[$0] }
_ = unsafe vc_codec_loop(list, Int32(list.count), 200)

var ratios: [Double] = []
var ours: [Double] = []
var bare: [Double] = []
var allocations = 0.0
for _ in 0..<max(1, rounds) {
    let loop = unsafe vc_codec_loop(list, Int32(list.count), Int32(frames))
    let own = try path.run(samples, frames: frames)
    guard loop > 0, path.played >= 2 * frames - 4 else { fatalError("a frame was lost") }
    allocations += Double(path.allocations)
    bare.append(Double(loop) / Double(frames) / 1_000)
    ours.append(Double(own) / Double(frames) / 1_000)
    ratios.append(Double(own) / Double(loop))
}
let micro = { (value: [Double]) in Double(Int(value.sorted()[value.count / 2] * 10)) / 10 }
row(
    "codec path: encode + seal + open + decode, CPU of ours over bare C", ratios, unit: "ratio",
    limit: 1.15, note: "\(micro(ours)) us against \(micro(bare)) us a frame")
row(
    "codec path: allocations a frame", [allocations / Double(rounds * frames)], unit: "count",
    limit: 0, note: "this build is optimised")
