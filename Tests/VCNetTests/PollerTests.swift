import Testing
import VCCore
import VCTestKit

@testable import VCNet

@Suite struct PollerTests {
    @Test("a deadline ends the wait, not before its time; one in the past at once")
    func deadline() throws {
        var poller = try Poller()
        let start = MonotonicClock.now
        #expect(try poller.wait(until: start + .milliseconds(20)) == 0)
        #expect(MonotonicClock.now - start >= .milliseconds(20))
        #expect(try poller.wait(until: .zero) == 0)
        // The same deadline again, although it has fired before.
        #expect(try poller.wait(until: .zero) == 0)
    }

    @Test("another thread wakes the loop, once for many signals")
    func wakeup() throws {
        var poller = try Poller()
        let wakeup = try Wakeup()
        try poller.add(wakeup.descriptorNumber, token: 7)
        #expect(try poller.wait(until: .zero) == 0)
        wakeup.signal()
        wakeup.signal()
        #expect(try poller.wait(until: MonotonicClock.now + testPatience) == 1)
        #expect(
            poller.readiness(0)
                == Poller.Readiness(token: 7, isReadable: true, isWritable: false))
        #expect(wakeup.acknowledge())
        #expect(!wakeup.acknowledge())
        #expect(try poller.wait(until: .zero) == 0)
    }

    @Test("a removed descriptor is not reported any more")
    func remove() throws {
        var poller = try Poller()
        let wakeup = try Wakeup()
        try poller.add(wakeup.descriptorNumber, token: 1)
        wakeup.signal()
        try poller.remove(wakeup.descriptorNumber)
        #expect(try poller.wait(until: .zero) == 0)
    }
}
