import Testing
import VCCore
import VCTestKit

@Suite("A port that is stuck")
struct StuckPortTests {
    /// A sealed report: 21 bytes, the header of a sealed packet and its tag.
    private static let reportSize = 21 + 13 + 16

    @Test("while somebody hears us the port is kept, though nobody answers; else it is given up")
    func heard() throws {
        let arena = try #require(SecretArena())
        let pair = try JoinedPair(arena: arena)
        var received: UInt32 = 0
        func report(seconds: Int, hears: Bool) -> Bool {
            var needsPort = false
            for _ in 0..<(2 * seconds) {
                received += hears ? 50 : 0
                let report = ReceiverReport(
                    received: received, lost: 0, jitter: 0, captureDelay: 0)
                pair.host.sendReport(report, to: 2, now: pair.now)
                pair.joiner.sendReport(report, to: 1, now: pair.now)
                pair.run(for: .milliseconds(500))
                needsPort = needsPort || pair.joiner.needsNewPort(now: pair.now)
            }
            return needsPort
        }
        // Probes and answers are lost, as over a line that is full.
        pair.loses = { $0 != Self.reportSize }
        #expect(!report(seconds: 20, hears: true))
        #expect(report(seconds: 12, hears: false))
    }
}
