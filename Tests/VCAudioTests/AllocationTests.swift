import CAllocationCounter
import Testing
import VCAudio
import VCAudioTestKit
import VCCore

extension OneByOne {
    @Suite(.serialized) struct AllocationTests {
        /// Frames of ten minutes, or of one.
        private static let frames = Tests.isFull ? 60_000 : 6_000

        @Test("the counter counts")
        func counterCounts() {
            guard vc_allocation_counter_works() == 1 else { return }
            let before = vc_allocation_count()
            let memory = UnsafeMutableRawPointer.allocate(byteCount: 64, alignment: 64)
            memory.deallocate()
            let small = UnsafeMutableRawPointer.allocate(byteCount: 8, alignment: 8)
            small.deallocate()
            #expect(vc_allocation_count() - before == 2)
        }

        @Test("the media path allocates nothing in thousands of frames, loss and splices included")
        func mediaPath() throws {
            var encoder = try OpusEncoder()
            var gate = VoiceGate()
            var buffer = try JitterBuffer()
            var mixer = Mixer()
            var leveler = Leveler()
            var gain: Float = 1
            mixer.equalizer.set(EqualizerSetting(low: 3, middle: -3, high: 6))
            let ring = FrameRing(capacity: 64)
            let received = FrameRing(capacity: 64)
            let samples = SampleBuffer(count: 480)
            let voice = SampleBuffer(count: 48_000)
            for index in 0..<48_000 { voice[index] = VoiceSignal.sample(at: index, pauses: false) }
            let output = SampleBuffer(count: JitterBuffer.blockLimit)
            var time: UInt64 = 0
            var pulled: UInt64 = 0
            var sounding = 0
            var before = vc_allocation_count()
            for frame in 0..<Self.frames {
                // Type metadata is made once, when a generic type is first used.
                if frame == 20 { before = vc_allocation_count() }
                // A receiver that is 2,000 ppm slow at first, then fast, so that it has to splice.
                time += frame < Self.frames / 2 ? 9_980_000 : 10_020_000
                samples.copy(from: voice, at: frame % 100 * 480, to: 0, count: 480)
                let now = Instant(nanoseconds: time)
                let level = Level.measure(samples, count: 480)
                let decision = gate.judge(level: level, at: now)
                try encoder.encode(samples)
                ring.push(
                    VoiceFrame(
                        sequence: UInt16(truncatingIfNeeded: frame), timestamp: UInt32(frame * 480),
                        level: level, flags: decision.flags, instant: now),
                    payload: encoder.packet)
                let isLost = frame % 50 == 7 || frame % 1_000 > 980
                ring.pop { header, payload in
                    if !isLost { received.push(header, payload: payload) }
                }
                while pulled < time {
                    received.pop { header, payload in buffer.receive(header, payload: payload) }
                    mixer.begin(count: 256)
                    if buffer.pull(
                        into: output, count: 256, at: Instant(nanoseconds: pulled))
                    {
                        let last = gain
                        gain = leveler.listen(to: output, count: 256)
                        mixer.add(output, count: 256, previousGain: last, gain: gain)
                        sounding += 1
                    }
                    mixer.finish(count: 256)
                    pulled += 5_333_333
                }
            }
            let allocations = vc_allocation_count() - before
            #expect(allocations == 0)
            #expect(sounding > 10_000)
            #expect(buffer.statistics.splices > 5)
            #expect(buffer.statistics.lost > 100)
            #expect(leveler.gain != 0)
        }

        @Test("processing allocates nothing: not what is ours, nor the library after its start")
        func processing() throws {
            let ring = LoudspeakerRing()
            var reader = LoudspeakerReader(ring)
            var limiter = Limiter()
            let before = vc_allocation_count()
            let processing = try MicrophoneProcessing(.all)
            // Ours are three: so the library's are counted, too.
            if vc_allocation_counter_works() == 1 {
                let making = vc_allocation_count() - before
                #expect(making > 50)
            }
            var insert = PluginInsert(try Plugin(#require(PluginChoice("ladspa:amp:amp_mono"))))
            let voice = SampleBuffer(count: 48_000)
            for index in 0..<48_000 { voice[index] = VoiceSignal.sample(at: index, pauses: false) }
            let samples = SampleBuffer(count: 480)
            let played = SampleBuffer(count: 480)
            var (ours, theirs) = (UInt64(0), UInt64(0))
            for frame in 0..<Self.frames / 2 {
                let time = UInt64(frame + 100) * 10_000_000
                samples.copy(from: voice, at: frame % 100 * 480, to: 0, count: 480)
                let start = vc_allocation_count()
                // A loudspeaker that is 50 ppm slow, so that it is read between the samples.
                ring.push(samples, count: 480, heardAt: time + UInt64(frame) * 500 + 20_000_000)
                let lead = reader.read(480, into: played, frameEnd: time)
                let between = vc_allocation_count()
                processing.hearLoudspeaker(played, at: 0)
                _ = processing.process(samples, at: 0, echoDelayMilliseconds: (lead ?? 0) / 48)
                let after = vc_allocation_count()
                insert.process(samples, count: 480)
                limiter.process(samples, count: 480)
                guard frame >= 20 else { continue }
                let end = vc_allocation_count()
                ours += between - start + end - after
                theirs += after - between
            }
            let drift = reader.driftPPM
            #expect(drift != 0)
            #expect(ours == 0)
            let allowed = MicrophoneProcessing.allocations(inFrames: Self.frames / 2)
            #expect(theirs <= allowed, "by the library")
        }
    }
}
