import Testing
import VCCore

/// Reports of a receiver, one each half second, 50 frames between them.
private struct Reporter {
    var control = LossControl()
    var now = Instant.zero
    var received: UInt32 = 0
    var lost: UInt32 = 0
    var bursts: UInt32 = 0

    /// - Parameters:
    ///   - losing: lost frames of each 50.
    ///   - bursts: in how many bursts they are lost.
    ///   - transit: milliseconds.
    mutating func report(
        _ seconds: Double, losing: UInt32 = 0, bursts: UInt32? = nil,
        transit: (Double) -> Double = { _ in 0 }
    ) {
        for number in 0..<Int(seconds * 2) {
            now = now + .milliseconds(500)
            received += 50 - losing
            lost += losing
            self.bursts += bursts ?? losing
            control.note(
                ReceiverReport(
                    received: received, lost: lost, bursts: self.bursts, jitter: 0,
                    captureDelay: 0,
                    transit: UInt32(truncatingIfNeeded: Int(transit(Double(number) / 2) * 10))),
                now: now)
        }
    }
}

@Suite("Loss control") struct LossControlTests {
    @Test("nothing is copied without loss, nor for one lost frame")
    func clean() {
        var reporter = Reporter()
        reporter.report(60)
        #expect(reporter.control.copies == .none)
        reporter.report(0.5, losing: 1)
        #expect(reporter.control.copies == .none)
        #expect(reporter.control.thrift == 0)
    }

    @Test("single losses are met with n-1, bursts with n-2, heavy loss with both, within 2 s")
    func steps() {
        for (losing, bursts, expected) in [
            (UInt32(2), UInt32(2), LossControl.Copies.previous), (2, 1, .beforePrevious),
            (6, 6, .both), (6, 2, .both),
        ] {
            var reporter = Reporter()
            reporter.report(2.5, losing: losing, bursts: bursts)
            #expect(reporter.control.copies == expected)
            #expect(reporter.control.thrift == 0)
        }
    }

    @Test("copies end 15 s after their cause, and weaker ones take the place of stronger ones")
    func stepDown() {
        var reporter = Reporter()
        reporter.report(10, losing: 6)
        #expect(reporter.control.copies == .both)
        reporter.report(14, losing: 2)
        #expect(reporter.control.copies == .both)
        reporter.report(10, losing: 2)
        #expect(reporter.control.copies == .previous)
        reporter.report(12)
        #expect(reporter.control.copies == .previous)
        reporter.report(10)
        #expect(reporter.control.copies == .none)
    }

    @Test("loss with rising delay is a full network: no copies, fewer bits step by step")
    func congestion() {
        var reporter = Reporter()
        reporter.report(10, losing: 2)
        #expect(reporter.control.copies == .previous)
        reporter.report(3, losing: 2) { 30 + 20 * $0 }
        #expect(reporter.control.copies == .none)
        #expect(reporter.control.thrift >= 1)
        reporter.report(6, losing: 2) { 100 + 20 * $0 }
        #expect(reporter.control.thrift == LossControl.mostThrift)
        // It helped: a step back each 15 s.
        reporter.report(14) { _ in 0 }
        #expect(reporter.control.thrift == LossControl.mostThrift)
        reporter.report(60) { _ in 0 }
        #expect(reporter.control.thrift == 0)
        #expect(reporter.control.copies == .none)
    }

    @Test("a delay that rises without loss changes nothing, nor do clocks that drift")
    func risingAlone() {
        var reporter = Reporter()
        reporter.report(30) { 3 * $0 }
        #expect(reporter.control.thrift == 0)
        // 1,000 ppm.
        reporter.report(120, losing: 2) { 90 + $0 }
        #expect(reporter.control.thrift == 0)
        #expect(reporter.control.copies == .previous)
    }

    @Test("another stream begins without what was learned from the one before")
    func restart() {
        var reporter = Reporter()
        reporter.report(10, losing: 6)
        reporter.received = 0
        reporter.lost = 0
        reporter.bursts = 0
        reporter.report(0.5)
        #expect(reporter.control.copies == .none)
    }

    @Test("reports of any content never trap")
    func garbage() {
        var random = SplitMix64(seed: 8)
        var control = LossControl()
        var now = Instant.zero
        for _ in 0..<20_000 {
            now = now + .milliseconds(Int.random(in: 0...900, using: &random))
            control.note(
                ReceiverReport(
                    received: random.next(), lost: random.next(), bursts: random.next(),
                    jitter: random.next(), captureDelay: random.next(), transit: random.next()),
                now: now)
        }
        #expect(control.thrift <= LossControl.mostThrift)
    }
}
