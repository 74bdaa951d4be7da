import Testing
import VCAudio
import VCCore

@Suite struct GateTests {
    private func instant(_ frame: Int) -> Instant {
        Instant(nanoseconds: 1_000_000_000 + UInt64(frame) * 10_000_000)
    }

    @Test("it opens at once, stays open 300 ms after the last loud frame, and marks both ends")
    func hangover() {
        var gate = VoiceGate()
        #expect(!gate.judge(level: 127, at: instant(0)).sends)
        let first = gate.judge(level: 30, at: instant(1))
        #expect(first.sends && first.flags == .startOfTalkSpurt)
        #expect(gate.judge(level: 30, at: instant(2)).flags == [])
        for frame in 3..<32 {
            let decision = gate.judge(level: 127, at: instant(frame))
            #expect(decision.sends && decision.flags == [], "\(frame)")
        }
        let last = gate.judge(level: 127, at: instant(32))
        #expect(last.sends && last.flags == .endOfTalkSpurt)
        #expect(!gate.isTalking)
        #expect(!gate.judge(level: 127, at: instant(33)).sends)
    }

    @Test("where voice is told from noise, only voice holds it open, for 300 ms")
    func voice() {
        var gate = VoiceGate()
        #expect(gate.judge(level: 30, hasVoice: true, at: instant(0)).sends)
        for frame in 1..<30 {
            let decision = gate.judge(level: 30, hasVoice: false, at: instant(frame))
            #expect(decision.sends && decision.flags == [], "\(frame)")
        }
        #expect(gate.judge(level: 30, hasVoice: false, at: instant(30)).flags == .endOfTalkSpurt)
        // The softest voice is no voice: it is the room's.
        var other = VoiceGate()
        #expect(!other.judge(level: 70, hasVoice: true, at: instant(0)).sends)
    }

    @Test("what is loud and no voice yet is sent for 100 ms, and not again before 300 ms of quiet")
    func trial() {
        var gate = VoiceGate()
        var sent: [Int] = []
        for frame in 0..<100 {
            if gate.judge(level: 30, hasVoice: false, at: instant(frame)).sends {
                sent.append(frame)
            }
        }
        // The last one says that nothing follows.
        #expect(sent == Array(0...10))
        #expect(!gate.isTalking)
        for frame in 100..<131 { _ = gate.judge(level: 127, hasVoice: false, at: instant(frame)) }
        #expect(
            gate.judge(level: 30, hasVoice: false, at: instant(131)).flags == .startOfTalkSpurt)
        // It was one: the trial becomes a talk spurt, without a second start.
        let voice = gate.judge(level: 30, hasVoice: true, at: instant(132))
        #expect(voice.sends && voice.flags == [])
        for frame in 133..<160 {
            #expect(gate.judge(level: 127, hasVoice: false, at: instant(frame)).sends)
        }
    }

    @Test("a trial that falls silent ends at once")
    func brokenTrial() {
        var gate = VoiceGate()
        #expect(gate.judge(level: 30, hasVoice: false, at: instant(0)).sends)
        #expect(gate.judge(level: 127, hasVoice: false, at: instant(1)).flags == .endOfTalkSpurt)
        #expect(!gate.judge(level: 127, hasVoice: false, at: instant(2)).sends)
    }

    @Test("speech 10 dB above the noise is never cut, whatever the noise")
    func noise() {
        for noise in stride(from: UInt8(40), through: 90, by: 5) {
            var gate = VoiceGate()
            for frame in 0..<2_000 { _ = gate.judge(level: noise, at: instant(frame)) }
            #expect(gate.threshold >= VoiceGate.highestThreshold)
            #expect(gate.threshold <= VoiceGate.lowestThreshold)
            // Quieter than -50 dBov nothing is speech beside a microphone.
            let speech = min(noise - 10, VoiceGate.highestThreshold - 1)
            #expect(gate.judge(level: speech, at: instant(2_000)).sends, "noise \(noise)")
        }
    }

    @Test("noise between -60 and -56 dBov closes the gate after it was learned")
    func learns() {
        var gate = VoiceGate()
        var sent = 0
        for frame in 0..<3_000 where gate.judge(level: 58, at: instant(frame)).sends {
            if frame > 1_000 { sent += 1 }
        }
        #expect(sent == 0)
    }

    @Test("a threshold and a time that somebody chose hold in place of what it learns")
    func chosen() {
        var gate = VoiceGate(threshold: 40, hangover: 1_000_000_000)
        var closed = 0
        for frame in 0..<1_000 where !gate.judge(level: 41, at: instant(frame)).sends {
            closed += 1
        }
        #expect(closed == 1_000)
        #expect(gate.threshold == 40)
        let first = gate.judge(level: 39, at: instant(1_000))
        #expect(first.sends)
        var sent = 0
        for frame in 1_001..<1_500 where gate.judge(level: 100, at: instant(frame)).sends {
            sent += 1
        }
        #expect(sent == 100)
    }

    @Test("always open means every frame, silence too")
    func open() {
        var gate = VoiceGate(mode: .open)
        for frame in 0..<100 { #expect(gate.judge(level: 127, at: instant(frame)).sends) }
        gate.setMode(.voice)
        for frame in 100..<140 { _ = gate.judge(level: 127, at: instant(frame)) }
        #expect(!gate.isTalking)
    }
}
