import ALSATestKit
import Glibc
import Synchronization
import Testing
import VCAudioTestKit

@testable import VCAudio

/// Until when a thread that gets the signal stands still, in CLOCK_MONOTONIC, and how many do.
private nonisolated(unsafe) var holdEnd = timespec()
private let heldThreads = Atomic<Int>(0)

extension OneByOne {
    @Suite(.serialized) struct HoldTests {
        private static let rate = 48_000
        /// What is said at most; the delay has come back long before.
        private static let seconds = 10.0
        /// Seconds after the beginning at which the others are held, and for how long.
        private static let hold = 1.6
        /// Seconds until everything is heard again.
        private static let recovery = 0.7
        private static let holdMilliseconds: UInt64 = 200

        /// Stops all threads of this process but the calling one and those of the sound, wherever
        /// they are, also in the middle of malloc; returns, just before they go on, how many.
        private func holdOthers() throws -> Int {
            typealias Kill = @convention(c) (pid_t, pid_t, Int32) -> Int32
            let symbol = try #require(dlsym(dlopen(nil, RTLD_NOW), "tgkill"))
            let kill = unsafeBitCast(symbol, to: Kill.self)
            var link = [CChar](repeating: 0, count: 64)
            _ = readlink("/proc/thread-self", &link, link.count - 1)
            let own = link.text.split(separator: "/").last.flatMap { pid_t($0) }
            let end = Pace.now() + Self.holdMilliseconds * 1_000_000
            holdEnd = timespec(tv_sec: Int(end / 1_000_000_000), tv_nsec: Int(end % 1_000_000_000))
            heldThreads.store(0, ordering: .sequentiallyConsistent)
            signal(SIGUSR1) { _ in
                heldThreads.wrappingAdd(1, ordering: .relaxed)
                while clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &holdEnd, nil) == EINTR {}
            }
            let tasks = try #require(opendir("/proc/self/task"))
            defer { closedir(tasks) }
            while let entry = readdir(tasks) {
                let name = withUnsafePointer(to: &entry.pointee.d_name) {
                    $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
                }
                guard let task = pid_t(name), task != own, !isSound(task) else { continue }
                _ = kill(getpid(), task, SIGUSR1)
            }
            // They sleep until a time of their own; this ends 20 ms before it.
            usleep(UInt32(Self.holdMilliseconds - 20) * 1_000)
            return heldThreads.load(ordering: .sequentiallyConsistent)
        }

        private func isSound(_ task: pid_t) -> Bool {
            guard let file = fopen("/proc/self/task/\(task)/comm", "r") else { return false }
            defer { fclose(file) }
            var name = [CChar](repeating: 0, count: 64)
            guard fgets(&name, Int32(name.count), file) != nil else { return false }
            return name.text.hasPrefix("vc-")
        }

        private func now() -> Int { FixtureCard.sample(at: Double(Pace.now()) * 1e-9) }

        @Test("holding every thread but those of the sound for 200 ms costs a concealed gap only")
        func hold() throws {
            let card = try FixtureCard(isLoop: false)
            card.useHere()
            let loop = try EngineLoop(
                AudioEngine.Configuration(
                    capture: .alsa("microphone"), playback: .alsa("speaker"), gate: .open))
            defer { loop.stop() }
            // Without a pause while it is looked for gaps, then with pauses, as people speak.
            let said = (0..<Int(Self.seconds + 1) * Self.rate).map {
                $0 < 4 * Self.rate ? VoiceSignal.vowel(at: $0) : VoiceSignal.sample(at: $0)
            }
            let start = now() + 4_800
            var heard: [Float] = []
            var spoken = 0
            /// Speaks, and listens, until so many seconds after the start.
            func run(to seconds: Double) {
                let end = start + Int(seconds * Double(Self.rate))
                while now() < end {
                    let ahead = min(said.count, now() - start + 2 * Self.rate)
                    if ahead > spoken {
                        card.say(Array(said[spoken..<ahead]), at: start + spoken)
                        spoken = ahead
                    }
                    // What is on its way to the loudspeaker is written in advance.
                    let past = now() - start - Self.rate / 10
                    if past > heard.count {
                        heard += card.heard(from: start + heard.count, count: past - heard.count)
                    }
                    // In pieces, as the card plays and records by the clock.
                    usleep(20_000)
                }
            }
            run(to: Self.hold)
            let before = loop.engine.statistics
            let usual = loop.engine.memberStatistics(slot: 1).bufferMilliseconds
            let frames = loop.frames.load(ordering: .relaxed)
            let held = try holdOthers()
            let carried = loop.frames.load(ordering: .relaxed) - frames
            let after = loop.engine.statistics
            var time = Self.hold + Self.recovery + 1
            run(to: time)
            let checked = heard
            while loop.engine.memberStatistics(slot: 1).bufferMilliseconds > usual + 10,
                time < Self.seconds
            {
                time += 0.2
                run(to: time)
            }
            #expect(time < Self.seconds, "\(usual) ms before; the delay must come back")
            // One may have been on its way.
            #expect(held >= 1 && carried <= 1, "\(held) held, \(carried) frames")
            #expect(after.captureXruns == before.captureXruns, "the microphone was held, too")
            #expect(after.playbackXruns == before.playbackXruns, "the loudspeaker was held, too")
            #expect(loop.engine.statistics.framesDropped == 0)
            let begin = Int((Self.hold + Self.recovery) * 10) * Self.rate / 10
            let likeness = Self.likeness(of: checked, to: said, from: begin)
            #expect(likeness.count > 3 && likeness.allSatisfy { $0 > 0.7 }, "\(likeness)")
            // Silence is no longer than the hold.
            let silent = stride(from: Int(Self.hold * 48_000), to: checked.count - 480, by: 480)
                .count { place in checked[place..<place + 480].allSatisfy { abs($0) < 0.005 } }
            #expect(silent <= Int(Self.holdMilliseconds) / 10, "\(silent * 10) ms")
        }

        /// How much each tenth of a second of what was heard is like what was said up to 300 ms
        /// before.
        private static func likeness(
            of late: [Float], to early: [Float], from first: Int
        ) -> [Float] {
            stride(from: first, to: late.count - 19_200, by: 4_800).map { start in
                stride(from: 0, to: 14_400, by: 16).map { delay in
                    var (product, first, second): (Float, Float, Float) = (0, 1e-9, 1e-9)
                    for index in stride(from: start, to: start + 4_800, by: 23) {
                        product += early[index] * late[index + delay]
                        first += early[index] * early[index]
                        second += late[index + delay] * late[index + delay]
                    }
                    return product / (first * second).squareRoot()
                }.max() ?? 0
            }
        }
    }
}
