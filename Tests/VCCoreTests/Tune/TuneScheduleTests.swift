import Testing

@testable import VCCore

private let start = Instant.zero + .seconds(100)

private func leases(_ offsets: [UInt32]) -> [UInt32] { offsets.map { 1_000_000 + $0 } }

extension TuneSchedule {
    /// Everything that is due at `now`.
    fileprivate mutating func steps(_ now: Instant) -> [Step] {
        var steps: [Step] = []
        while let step = poll(now: now) { steps.append(step) }
        return steps
    }

    /// Lets each try fail at once; returns when each began, and what came last.
    fileprivate mutating func failAll(
        from now: Instant, isOther: Bool
    ) -> (tries: [(lease: UInt32, at: Duration)], last: Step?) {
        var tries: [(lease: UInt32, at: Duration)] = []
        var time = now
        while true {
            guard let step = poll(now: time) else {
                guard timeout < now + .seconds(60), timeout > time else { return (tries, nil) }
                time = timeout
                continue
            }
            guard case .attempt(let lease) = step else { return (tries, step) }
            tries.append((lease, time - now))
            failed(lease, isOther: isOther, now: time)
        }
    }
}

@Suite("Whom somebody with a phrase asks, and when")
struct TuneScheduleTests {
    @Test("an empty bucket is claimed at once")
    func empty() {
        var schedule = TuneSchedule()
        schedule.begin()
        #expect(schedule.steps(start) == [.ask])
        schedule.listed([], now: start)
        #expect(schedule.steps(start) == [.claim])
        #expect(schedule.steps(start + .seconds(100)) == [])
    }

    @Test("at most 8 leases are tried at a start, one each second, in the server's order")
    func bound() {
        var schedule = TuneSchedule()
        schedule.begin()
        _ = schedule.steps(start)
        let all = leases([9, 3, 7, 1, 20, 5, 11, 2, 4, 6, 8])
        schedule.listed(all, now: start)
        let (tries, last) = schedule.failAll(from: start, isOther: true)
        #expect(tries.map(\.lease) == Array(all.prefix(8)))
        #expect(tries.map(\.at) == (0..<8).map { .seconds($0) })
        #expect(last == .claim)
    }

    @Test("a lease is claimed only when the last try is over")
    func patience() {
        var schedule = TuneSchedule()
        schedule.begin()
        _ = schedule.steps(start)
        schedule.listed(leases([1, 2]), now: start)
        #expect(schedule.steps(start) == [.attempt(lease: 1_000_001)])
        #expect(schedule.timeout == start + .seconds(1))
        #expect(schedule.steps(start + .seconds(1)) == [.attempt(lease: 1_000_002)])
        schedule.failed(1_000_002, isOther: true, now: start + .seconds(2))
        #expect(schedule.steps(start + .seconds(2)) == [])
        schedule.failed(1_000_001, isOther: false, now: start + .seconds(3))
        #expect(schedule.steps(start + .seconds(3)) == [.claim])
    }

    @Test("a server that says nothing for ten seconds ends a start, and not a room")
    func noAnswer() {
        var schedule = TuneSchedule()
        schedule.begin()
        #expect(schedule.steps(start) == [.ask])
        #expect(schedule.timeout == start + .seconds(10))
        #expect(schedule.steps(start + .seconds(9)) == [])
        #expect(schedule.steps(start + .seconds(10)) == [.giveUp])

        schedule = TuneSchedule()
        schedule.host(1_000_005, now: start)
        #expect(schedule.steps(start + .seconds(2)) == [.ask])
        #expect(schedule.steps(start + .seconds(12)) == [])
        #expect(schedule.steps(start + .seconds(30)) == [.ask])
    }

    @Test("a host looks at +2, 5, 10, 30 s and then each minute")
    func looks() {
        var schedule = TuneSchedule()
        schedule.begin()
        _ = schedule.steps(start)
        schedule.listed([], now: start)
        _ = schedule.steps(start)
        schedule.host(1_000_005, now: start)
        for seconds in [2, 5, 10, 30, 90, 150, 210] {
            let time = start + .seconds(seconds)
            #expect(schedule.timeout == time)
            #expect(schedule.steps(time + .milliseconds(-1)) == [])
            #expect(schedule.steps(time) == [.ask])
            schedule.listed([], now: time)
            #expect(schedule.steps(time) == [])
        }
    }

    @Test("a host tries smaller leases only, the smallest first, never its own")
    func smaller() {
        var schedule = TuneSchedule()
        schedule.host(1_000_005, now: start)
        #expect(schedule.steps(start + .seconds(2)) == [.ask])
        schedule.listed(leases([9, 4, 5, 6, 1]), now: start + .seconds(2))
        let (tries, last) = schedule.failAll(from: start + .seconds(2), isOther: true)
        #expect(tries.map(\.lease) == leases([1, 4]))
        #expect(last == .ask)
    }

    @Test("a lease of another phrase is left alone for ten minutes, a silent one is not")
    func memory() {
        for (isOther, seconds) in [(true, 590), (true, 610), (false, 10)] {
            var schedule = TuneSchedule()
            schedule.host(1_000_005, now: start)
            _ = schedule.steps(start + .seconds(2))
            schedule.listed(leases([1]), now: start + .seconds(2))
            #expect(schedule.steps(start + .seconds(2)) == [.attempt(lease: 1_000_001)])
            schedule.failed(1_000_001, isOther: isOther, now: start + .seconds(2))
            #expect(schedule.steps(start + .seconds(3)) == [])
            let later = start + .seconds(seconds)
            #expect(schedule.steps(later) == [.ask])
            schedule.listed(leases([1]), now: later)
            #expect(schedule.steps(later).isEmpty == (isOther && seconds < 600))
        }
    }

    @Test("an answer that nobody asked for changes nothing")
    func unasked() {
        var schedule = TuneSchedule()
        schedule.listed(leases([1]), now: start)
        #expect(schedule.steps(start) == [])
        schedule.begin()
        schedule.listed(leases([1]), now: start)
        #expect(schedule.steps(start) == [.ask])
    }

    @Test("who has met looks no more, and a room that is too large is not asked again")
    func settled() {
        var schedule = TuneSchedule()
        schedule.host(1_000_005, now: start)
        schedule.settle()
        #expect(schedule.timeout == .distantFuture)
        #expect(schedule.steps(start + .seconds(100)) == [])

        schedule = TuneSchedule()
        schedule.host(1_000_005, now: start)
        _ = schedule.steps(start + .seconds(2))
        schedule.listed(leases([1, 2]), now: start + .seconds(2))
        _ = schedule.steps(start + .seconds(2))
        schedule.decline(1_000_001, now: start + .seconds(2))
        #expect(schedule.steps(start + .seconds(3)) == [])
        #expect(schedule.timeout == start + .seconds(5))
    }
}

@Suite("How fast a phrase can be guessed at a host")
struct PhraseGuessTests {
    @Test("five proofs at once and then one a second are opened, right or wrong")
    func rate() {
        for isRight in [true, false] {
            var budget = GuessBudget(.phrase)
            var opened = 0
            for tenth in 0..<100 {
                let now = start + .milliseconds(100 * tenth)
                while budget.allowsOpening(now: now) {
                    opened += 1
                    if isRight {
                        budget.recordSuccess(now: now)
                    } else {
                        budget.recordFailure(from: UInt64(opened), now: now)
                    }
                }
            }
            #expect((14...15).contains(opened))
        }
    }

    @Test("a source that was wrong waits 30 s, then twice as long each time, and others do not")
    func doubling() {
        var budget = GuessBudget(.phrase)
        func isBusy(_ tag: UInt64, _ time: Instant) -> Bool { budget.isBusy(tag, now: time) }
        var now = start
        for wait in [30, 60, 120, 240, 480, 960, 1_920, 1_920] {
            let wasBusy = isBusy(7, now)
            budget.recordFailure(from: 7, now: now)
            let waits = isBusy(7, now + .seconds(wait) + .milliseconds(-1))
            let otherWaits = isBusy(8, now)
            #expect(!wasBusy && waits && !otherWaits)
            now = now + .seconds(wait)
        }
        // What was wrong long ago is forgotten.
        now = now + GuessBudget.sourceMemory
        let remembered = isBusy(7, now)
        budget.recordFailure(from: 7, now: now)
        let waits = isBusy(7, now + .seconds(30))
        #expect(!remembered && !waits)
    }

    @Test("a phrase is never retired")
    func endless() {
        var budget = GuessBudget(.phrase)
        for guess in 0..<2 * GuessBudget.perCode {
            budget.recordFailure(from: UInt64(guess), now: start + .seconds(guess))
        }
        let allowsOpening = budget.allowsOpening(now: start + .seconds(10_000))
        #expect(!budget.isSpent && allowsOpening)
    }
}
