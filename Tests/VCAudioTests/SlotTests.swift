import CVCLinux
import Testing
import VCAudioTestKit
import VCCore

@testable import VCAudio

/// Without threads: the test is the network, control and playback in turn.
@Suite struct SlotTests {
    private static let slot = 3

    private func say(
        _ engine: AudioEngine, _ packet: [UInt8], from first: Int, count: Int, at start: UInt64
    ) {
        for number in first..<first + count {
            engine.receive(
                VoiceFrame(
                    sequence: UInt16(number), timestamp: UInt32(number * 480), level: 20,
                    instant: Instant(nanoseconds: start + UInt64(number - first) * 10_000_000)),
                payload: packet.span.bytes, slot: Self.slot)
        }
    }

    @Test(
        "what is left of who had a slot is not played as the sound of who has it now",
        arguments: [true, false])
    func takenAnew(isSeenEmpty: Bool) throws {
        let engine = try AudioEngine(
            AudioEngine.Configuration(capture: .silence, playback: .silence))
        let mix = MemberMix(shared: engine.shared)
        let packet = try VoicePackets(count: 1).packets[0]
        let start = vc_boottime_nanoseconds() - 1_000_000_000
        try engine.setActive(true, slot: Self.slot)
        say(engine, packet, from: 40_000, count: 20, at: start)
        mix.mix(480)
        #expect(engine.memberStatistics(slot: Self.slot).received == 20)
        // These playback does not come to while the slot is theirs.
        say(engine, packet, from: 40_020, count: 5, at: start + 200_000_000)
        try engine.setActive(false, slot: Self.slot)
        if isSeenEmpty { mix.mix(480) }
        try engine.setActive(true, slot: Self.slot)
        say(engine, packet, from: 7, count: 20, at: start + 300_000_000)
        mix.mix(480)
        let member = engine.memberStatistics(slot: Self.slot)
        #expect(member.refused == 0)
        #expect(member.received == 20)
    }
}
