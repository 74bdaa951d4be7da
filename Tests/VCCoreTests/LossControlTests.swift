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

    @Test("who reports nothing any more keeps nobody thrifty, nor the copies")
    func silence() {
        var reporter = Reporter()
        reporter.report(2)
        reporter.report(12, losing: 8) { 30 + $0 * 40 }
        #expect(reporter.control.thrift == LossControl.mostThrift)
        var control = reporter.control
        func wait(_ seconds: Int) {
            for _ in 0..<seconds {
                reporter.now = reporter.now + .seconds(1)
                control.age(now: reporter.now)
            }
        }
        wait(14)
        #expect(control.thrift == LossControl.mostThrift)
        wait(2)
        #expect(control.thrift == LossControl.mostThrift - 1)
        wait(31)
        #expect(control.thrift == 0)
        var copying = Reporter()
        copying.report(2.5, losing: 2)
        copying.control.age(now: copying.now + .seconds(14))
        #expect(copying.control.copies == .previous)
        copying.now = copying.now + .seconds(16)
        copying.control.age(now: copying.now)
        #expect(copying.control.copies == .none)
        // What was lost then is no reason any more.
        copying.report(1)
        #expect(copying.control.copies == .none)
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

    @Test(
        "a network that is full from the first report on gets less, and is not filled with copies",
        arguments: [40.0, 80, 100, 130])
    func fullFromTheBeginning(kilobits: Double) {
        var reporter = Reporter()
        var sum = 0.0
        for half in 0..<140 {
            let control = reporter.control
            // Headers of each packet, and what thrift makes of 48 kbit/s in frames of 10 ms.
            let packets: Double = control.thrift == LossControl.mostThrift ? 25 : 50
            let frame = [60.0, 40, 30, 60][control.thrift]
            let frames = 1 + (control.copies == .both ? 2 : control.copies == .none ? 0 : 1)
            let sent = packets * (70 + Double(frames) * frame) * 8 / 500
            // Of 130 kbit/s one packet in 20 is lost by chance, without which nothing is copied.
            let loss = max(kilobits > 104 ? 0.05 : 0, 1 - kilobits / sent)
            // The queue is as full as it gets, or empty.
            reporter.report(0.5, losing: UInt32(loss * 50)) { _ in loss > 0.1 ? 200 : 0 }
            if half >= 20 { sum += loss / 120 }
        }
        // Of 40 kbit/s a fifth is lost of the least that we can send.
        #expect(sum < (kilobits < 50 ? 0.35 : 0.1), "\(sum)")
    }

    @Test("what is lost by chance is met with copies, however much", arguments: 1...25)
    func chance(losing: Int) {
        var (without, harmed) = (0, 0)
        for seed in UInt64(0)..<20 {
            var random = SplitMix64(seed: seed)
            var reporter = Reporter()
            reporter.report(Double.random(in: 1...10, using: &random))
            for half in 0..<120 {
                let lost = (0..<50).reduce(0) { count, _ in
                    count + (Int.random(in: 0..<50, using: &random) < losing ? 1 : 0)
                }
                reporter.report(0.5, losing: UInt32(lost))
                if half >= 8, losing >= 6, reporter.control.copies != .both { without += 1 }
            }
            if reporter.control.thrift > 0 { harmed += 1 }
        }
        // Near 30 % and above it is tried each minute what copies do, and chance can mislead.
        #expect(Double(without) < (losing > 11 ? 0.1 : 0.01) * 20 * 112, "\(without)")
        #expect(harmed <= (losing > 11 ? 1 : 0), "\(harmed) of 20")
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
