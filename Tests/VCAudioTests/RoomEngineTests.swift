import CAllocationCounter
import CVCLinux
import Glibc
import Testing
import Synchronization
import VCAudio
import VCAudioTestKit
import VCCore

extension OneByOne {
    /// An engine in a room of sixteen.
    @Suite(.serialized) struct RoomEngineTests {
        private func packets(count: Int) throws -> [[UInt8]] {
            var encoder = try OpusEncoder(
                EncoderProfile(
                    application: .voice, frame: .twentyMilliseconds,
                    bitrate: EncoderChoice.largeBitrate))
            let samples = SampleBuffer(count: 960)
            return try (0..<count).map { number in
                for index in 0..<960 {
                    samples[index] = VoiceSignal.sample(at: number * 960 + index, pauses: false)
                }
                try encoder.encode(samples)
                return encoder.packetBytes
            }
        }

        /// Talks for the members in `slots` at the pace of the clock; returns the CPU time of the
        /// process, in nanoseconds, for each second.
        private func talk(
            _ engine: AudioEngine, slots: Range<Int>, packets: [[UInt8]], frames: Int
        ) -> Double {
            let start = vc_process_cpu_nanoseconds()
            let began = vc_boottime_nanoseconds()
            for number in 0..<frames {
                let packet = packets[number % packets.count]
                for slot in slots {
                    engine.receive(
                        VoiceFrame(
                            sequence: UInt16(number), timestamp: UInt32(number * 960),
                            level: UInt8(20 + slot),
                            instant: Instant(nanoseconds: vc_boottime_nanoseconds())),
                        payload: packet.span.bytes, slot: slot)
                }
                let due = began + UInt64(number + 1) * 20_000_000
                let now = vc_boottime_nanoseconds()
                if due > now { usleep(UInt32((due - now) / 1_000)) }
            }
            let seconds = Double(vc_boottime_nanoseconds() - began) / 1e9
            return Double(vc_process_cpu_nanoseconds() - start) / seconds
        }

        @Test("levels and who talks are known of each member, and looking allocates nothing")
        func levels() throws {
            let engine = try AudioEngine(
                AudioEngine.Configuration(capture: .silence, playback: .silence))
            for slot in 0..<15 { try engine.setActive(true, slot: slot) }
            try engine.start()
            defer { engine.stop() }
            let packets = try packets(count: 50)
            _ = talk(engine, slots: 3..<6, packets: packets, frames: 25)
            var levels = [UInt8](repeating: 0, count: 15)
            var allocations: UInt64 = 0
            // The first look makes what generic types need, once.
            for _ in 0..<2 {
                let before = vc_allocation_count()
                var slot = 0
                while slot < 15 {
                    levels[slot] = engine.level(slot: slot)
                    slot += 1
                }
                allocations = vc_allocation_count() - before
            }
            #expect(allocations == 0)
            for slot in 0..<15 {
                let talks = (3..<6).contains(slot)
                #expect(levels[slot] == (talks ? UInt8(20 + slot) : 127))
                #expect(engine.memberStatistics(slot: slot).isSounding == talks)
                #expect(engine.memberStatistics(slot: slot).hasPlayed == talks)
            }
            usleep(600_000)
            for slot in 0..<15 {
                #expect(engine.level(slot: slot) == 127)
                #expect(!engine.memberStatistics(slot: slot).isSounding)
            }
        }

        @Test("members that say nothing cost nothing, and those who talk cost each the same")
        func cost() throws {
            let packets = try packets(count: 50)
            var costs: [Double] = []
            for (members, talkers) in [(3, 3), (15, 3), (15, 12)] {
                let engine = try AudioEngine(
                    AudioEngine.Configuration(capture: .silence, playback: .silence))
                engine.setMuted(true)
                for slot in 0..<members { try engine.setActive(true, slot: slot) }
                try engine.start()
                _ = talk(engine, slots: 0..<talkers, packets: packets, frames: 10)
                costs.append(
                    talk(engine, slots: 0..<talkers, packets: packets, frames: 150) / 1e7)
                engine.stop()
            }
            let report = Comment(rawValue: "CPU %: \(costs)")
            print(report)
            // Other tests of this process and the machine may add to any of them.
            #expect(costs[1] < costs[0] * 1.5 + 1, report)
            #expect(costs[2] < costs[0] * 6 + 2, report)
        }

        @Test("who is given a slot is as loud as anybody, whatever the one before was turned to")
        func freshGain() throws {
            let directory = try TemporaryDirectory()
            let engine = try AudioEngine(
                AudioEngine.Configuration(
                    capture: .silence, playback: .file(directory.path + "/heard.wav")))
            try engine.setActive(true, slot: 2)
            engine.setGain(decibels: -60, slot: 2)
            try engine.start()
            let packets = try packets(count: 50)
            _ = talk(engine, slots: 2..<3, packets: packets, frames: 40)
            try engine.setActive(false, slot: 2)
            usleep(100_000)
            try engine.setActive(true, slot: 2)
            _ = talk(engine, slots: 2..<3, packets: packets, frames: 40)
            engine.stop()
            let heard = try WAV.read(directory.path + "/heard.wav")
            func peak(_ start: Int) -> Float { heard[start..<start + 19_200].map(abs).max() ?? 0 }
            #expect(peak(9_600) < 0.01)
            #expect(peak(heard.count - 28_800) > 0.05)
        }

        @Test("the encoder changes while somebody talks: the sound goes on, and so do its numbers")
        func encoderChange() throws {
            let directory = try TemporaryDirectory()
            let loop = try EngineLoop(
                AudioEngine.Configuration(
                    capture: .tone(hertz: 500), playback: .file(directory.path + "/heard.wav")))
            #expect(loop.wait(seconds: 2) { loop.frames.load(ordering: .relaxed) > 100 })
            try loop.engine.setEncoding(
                EncoderProfile(
                    application: .voice, frame: .twentyMilliseconds, bitrate: 24_000))
            usleep(1_000_000)
            let middle = loop.frames.load(ordering: .relaxed)
            usleep(1_000_000)
            let large = loop.frames.load(ordering: .relaxed) - middle
            #expect(abs(large - 50) <= 5, "50 frames of 20 ms a second, not \(large)")
            for _ in 0..<4 { try loop.engine.setEncoding(EncoderProfile()) }
            usleep(1_000_000)
            let member = loop.engine.memberStatistics(slot: 1)
            loop.stop()
            #expect(member.lost == 0 && member.refused == 0)
            let heard = try WAV.read(directory.path + "/heard.wav")
            // A tone of 500 Hz at 0.25 moves by 0.016 from one sample to the next.
            let steps = zip(heard[24_000...], heard[24_001...]).map { abs($0 - $1) }
            #expect((steps.max() ?? 1) < 0.1, "no click")
        }
    }
}
