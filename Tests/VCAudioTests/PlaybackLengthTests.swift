import ALSATestKit
import CAllocationCounter
import Glibc
import Testing

@testable import VCAudio

@Suite struct BufferLengthTests {
    private static let second: UInt64 = 1_000_000_000

    @Test("the buffer grows by a step after repeated xruns, and not for one now and then")
    func grows() {
        var length = BufferLength(at: 0, fewest: 2)
        for minute in 1...60 {
            let isGrown = length.grows(xruns: 1, at: UInt64(minute) * 60 * Self.second)
            #expect(!isGrown)
        }
        #expect(length.steps == 2)
        var grown: [Int] = []
        for step in 1...40 {
            if length.grows(xruns: 1, at: 4_000 * Self.second + UInt64(step) * Self.second) {
                grown.append(length.steps)
            }
        }
        #expect(grown == [3, 4, 5, 6, 7, 8], "\(grown)")
    }

    @Test("it grows from any length that a person may ask for")
    func growsFromLong() {
        var length = BufferLength(at: 0, fewest: 9)
        for second in 1...60 { _ = length.grows(xruns: 1, at: UInt64(second) * Self.second) }
        #expect(length.steps == 15)
    }

    @Test("it shrinks by a step for each five clean minutes, and never below what it began with")
    func shrinks() {
        var length = BufferLength(at: 0, fewest: 2)
        _ = length.grows(xruns: 3, at: Self.second)
        _ = length.grows(xruns: 3, at: 2 * Self.second)
        #expect(length.steps == 4)
        let early = length.shrinks(at: 301 * Self.second, isQuiet: true)
        #expect(!early && length.steps == 4)
        let first = length.shrinks(at: 302 * Self.second, isQuiet: true)
        let again = length.shrinks(at: 310 * Self.second, isQuiet: true)
        #expect(first && !again && length.steps == 3)
        // A single xrun begins the minutes anew.
        _ = length.grows(xruns: 1, at: 600 * Self.second)
        let soon = length.shrinks(at: 899 * Self.second, isQuiet: true)
        let later = length.shrinks(at: 900 * Self.second, isQuiet: true)
        #expect(!soon && later && length.steps == 2)
        let never = length.shrinks(at: 100_000 * Self.second, isQuiet: true)
        #expect(!never && length.steps == 2)
    }

    @Test("it waits a minute for a quiet moment, and no longer")
    func patience() {
        var length = BufferLength(at: 0, fewest: 2)
        _ = length.grows(xruns: 3, at: 0)
        let inTime = length.shrinks(at: 359 * Self.second, isQuiet: false)
        let late = length.shrinks(at: 360 * Self.second, isQuiet: false)
        #expect(!inTime && late && length.steps == 2)
    }
}

extension OneByOne {
    /// The buffer of a loudspeaker of the fixture's card, which is played on by hand: minutes pass
    /// when the test says so.
    @Suite(.serialized) struct PlaybackLengthTests {
        private static let minute: UInt64 = 60_000_000_000
        /// Six steps of 5.3 ms: long enough for a thread of a test, which has no priority.
        private static let milliseconds = 32
        private static let step = 256.0 / 48

        private final class Player {
            let card: FixtureCard
            let device: ALSAPlayback
            /// What the clock is ahead of the true one.
            private let shift: Shift
            private let samples = SampleBuffer(count: Mixer.blockLimit)

            private final class Shift {
                var nanoseconds: UInt64 = 0
            }

            init(card: FixtureCard? = nil, milliseconds: Int = PlaybackLengthTests.milliseconds)
                throws
            {
                let shift = Shift()
                self.shift = shift
                self.card = try card ?? FixtureCard()
                left.reserveCapacity(4_096)
                self.card.useHere()
                device = try ALSAPlayback(
                    name: "speaker",
                    buffers: DeviceBuffers(playback: milliseconds),
                    clock: { Pace.now() + shift.nanoseconds })
            }

            func pass(minutes: UInt64) { shift.nanoseconds += minutes * minute }

            /// Plays something that is as loud as `peak`; ends early when `isDone`.
            func play(
                _ peak: Float, milliseconds: UInt64, until isDone: () -> Bool = { false }
            ) throws {
                let end = Pace.now() + milliseconds * 1_000_000
                for index in 0..<samples.count { samples[index] = index % 2 == 0 ? peak : -peak }
                while Pace.now() < end, !isDone() { try playBlock() }
            }

            /// What was left in the buffer whenever it took a block, in microseconds.
            private(set) var left: [Int] = []

            func playBlock() throws {
                let count = try device.wait()
                left.append(device.delayMicroseconds)
                try device.write(samples, count: count)
            }

            /// Has the device run dry until its buffer is longer.
            func grow() throws {
                _ = device.takeChange()
                for _ in 0..<BufferLength.xrunLimit {
                    let met = card.faults(.playback)
                    card.set(.overrun, on: .playback)
                    try play(0.3, milliseconds: 2_000) { card.faults(.playback) > met }
                    try play(0.3, milliseconds: 30)
                }
                #expect(device.takeChange())
            }

            /// How many steps the buffer has more than at the beginning.
            var steps: Int {
                let length = card.bufferMilliseconds(.playback)
                return Int(((length - 32) / PlaybackLengthTests.step).rounded())
            }
        }

        @Test(
            "a grown buffer shrinks between words while somebody talks on, or a minute later")
        func whileTalking() throws {
            let player = try Player()
            defer { player.device.close() }
            try player.play(0.3, milliseconds: 100)
            try player.grow()
            #expect(player.steps == 1)
            player.pass(minutes: 5)
            try player.play(0.3, milliseconds: 200)
            #expect(player.steps == 1, "in the middle of a word")
            try player.play(0.001, milliseconds: 200)
            #expect(player.steps == 0 && player.device.takeChange())
            // Music.
            try player.grow()
            player.pass(minutes: 5)
            try player.play(0.3, milliseconds: 200)
            #expect(player.steps == 1)
            player.pass(minutes: 1)
            try player.play(0.3, milliseconds: 200)
            #expect(player.steps == 0)
        }

        @Test(
            "of a period that is longer than a block nothing waits for the next one",
            arguments: [(48_000, 1_536), (44_100, 1_024), (16_000, 512)])
        func longPeriods(rate: Int, period: Int) throws {
            let player = try Player(
                card: FixtureCard(rate: rate, leastPeriod: period, takesPeriods: true),
                milliseconds: 10)
            defer { player.device.close() }
            try player.play(0.3, milliseconds: 700)
            let left = player.left.dropFirst(4).sorted()
            // One period is being filled and the other one played. Mostly: no thread of a test has
            // a priority.
            let report = Comment(rawValue: "\(left) us")
            #expect(left[left.count / 4] > 900_000 * period / rate, report)
        }

        @Test("a device that rests and one that ran dry begin again without an allocation")
        func allocations() throws {
            guard vc_allocation_counter_works() == 1 else { return }
            let player = try Player()
            defer { player.device.close() }
            func beginAgain() throws {
                try player.device.pause()
                try player.play(0.3, milliseconds: 50)
                let met = player.card.faults(.playback)
                player.card.set(.overrun, on: .playback)
                try player.play(0.3, milliseconds: 2_000) { player.card.faults(.playback) > met }
                try player.play(0.3, milliseconds: 30)
            }
            try player.play(0.3, milliseconds: 50)
            try beginAgain()
            let before = vc_allocation_count()
            try beginAgain()
            #expect(vc_allocation_count() == before)
            #expect(player.device.xruns == 2)
        }

        @Test("in a long rest it shrinks by a step for each five minutes")
        func inRest() throws {
            let player = try Player()
            defer { player.device.close() }
            try player.play(0.3, milliseconds: 100)
            try player.grow()
            try player.grow()
            #expect(player.steps == 2)
            for steps in [1, 0] {
                try player.device.pause()
                #expect(player.steps == steps + 1)
                player.pass(minutes: 5)
                try player.device.pause()
                #expect(player.steps == steps)
            }
            player.pass(minutes: 5)
            try player.device.pause()
            try player.play(0.3, milliseconds: 100)
            #expect(player.steps == 0)
        }

        @Test("a thread that is late each time gets a longer buffer, and keeps its device")
        func lateThread() throws {
            let player = try Player()
            defer { player.device.close() }
            for _ in 0...BufferLength.xrunLimit {
                try player.playBlock()
                letRun(milliseconds: 80)
            }
            try player.playBlock()
            #expect(player.steps >= 1)
        }

        @Test("xruns are counted once where the device cannot be opened with a longer buffer")
        func countedOnce() throws {
            let player = try Player()
            defer { player.device.close() }
            try player.play(0.3, milliseconds: 100)
            let lost = BufferLength.xrunLimit - 1
            for _ in 0..<lost {
                let met = player.card.faults(.playback)
                player.card.set(.overrun, on: .playback)
                try player.play(0.3, milliseconds: 2_000) { player.card.faults(.playback) > met }
                try player.play(0.3, milliseconds: 30)
            }
            #expect(player.device.xruns == lost)
            // From here on alsa-lib knows no devices.
            setenv("ALSA_CONFIG_PATH", "/nonexistent", 1)
            defer { player.card.useHere() }
            player.card.set(.overrun, on: .playback)
            #expect(throws: DeviceError.self) { try player.play(0.3, milliseconds: 2_000) }
            #expect(player.device.xruns == lost + 1)
        }
    }
}
