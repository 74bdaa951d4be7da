import Testing
import VCTestKit

@testable import VCCore

/// Two ends of a stream with a network between them, in virtual time.
private struct StreamPair {
    static let left = Endpoint(ipv4: 1, port: 1)
    static let right = Endpoint(ipv4: 2, port: 2)

    var one = ReliableStream(id: 77)
    var two = ReliableStream(id: 77)
    var network: NetworkEmulator
    var now = Instant(nanoseconds: 1_000_000_000)
    var received: [[UInt8]] = []
    var delivered: [UInt64] = []
    var segments = 0
    /// Messages that go the other way.
    var returned: [[UInt8]] = []
    private var round = 0

    init(seed: UInt64, link: NetworkEmulator.Link) {
        network = NetworkEmulator(seed: seed, link: link)
    }

    mutating func run(for limit: Duration, until condition: (StreamPair) -> Bool = { _ in false }) {
        let end = now + limit
        while !condition(self) {
            flush()
            var next = network.nextDelivery ?? .distantFuture
            next = min(next, one.timeout ?? .distantFuture, two.timeout ?? .distantFuture)
            guard next <= end else {
                now = end
                return
            }
            now = max(now, next)
            one.handleTimeout(now: now)
            two.handleTimeout(now: now)
            while let delivery = network.popDelivery(now: now) { take(delivery) }
        }
    }

    private mutating func flush() {
        while let packet = StreamPair.packet(&one, now) {
            if packet[0] == SealedKind.segment.rawValue { segments += 1 }
            network.send(packet, from: StreamPair.left, to: StreamPair.right, now: now)
        }
        while let packet = StreamPair.packet(&two, now) {
            network.send(packet, from: StreamPair.right, to: StreamPair.left, now: now)
        }
    }

    static func packet(_ stream: inout ReliableStream, _ now: Instant) -> [UInt8]? {
        var isWritten = false
        let bytes = [UInt8](capacity: SealedPacket.maximumPlaintext) {
            isWritten = stream.encodeNext(into: &$0, now: now)
        }
        return isWritten ? bytes : nil
    }

    private mutating func take(_ delivery: NetworkEmulator.Delivery) {
        if delivery.destination == StreamPair.right {
            try? give(delivery.bytes, to: &two, at: now)
            while let message = two.pollMessage() { received.append(message) }
        } else {
            try? give(delivery.bytes, to: &one, at: now)
            while let message = one.pollMessage() { returned.append(message) }
            while let number = one.pollDelivered() { delivered.append(number) }
        }
    }
}

/// Gives a packet to a stream, as a room does.
private func give(_ bytes: [UInt8], to stream: inout ReliableStream, at now: Instant)
    throws(DecodeError)
{
    var reader = ByteReader(bytes.span.bytes)
    switch SealedKind(rawValue: try reader.readUInt8()) {
    case .segment: try stream.handleSegment(&reader)
    case .acknowledgement: try stream.handleAcknowledgement(&reader, now: now)
    default: throw .unexpectedValue
    }
}

private func queue(_ message: [UInt8], number: UInt64, on stream: inout ReliableStream) {
    if !stream.send(message, number: number) { Issue.record("the queue is full") }
}

@Suite struct StreamTests {
    private static let bad = NetworkEmulator.Link(
        latency: .milliseconds(30), jitter: .milliseconds(40), loss: 0.25, duplication: 0.1,
        reordering: 0.1)

    private func message(_ size: Int, _ random: inout SplitMix64) -> [UInt8] {
        (0..<size).map { _ in UInt8(truncatingIfNeeded: random.next()) }
    }

    @Test("with loss, doubles and disorder both ways every message arrives once, whole, in order")
    func bad() {
        for seed in UInt64(1)...(runsEverything ? 1_000 : 100) {
            var random = SplitMix64(seed: seed)
            var pair = StreamPair(seed: seed, link: StreamTests.bad)
            var sent: [[UInt8]] = []
            var back: [[UInt8]] = []
            for number in 0..<30 {
                sent.append(message(1 + Int(random.next(below: 4_000)), &random))
                back.append(message(1 + Int(random.next(below: 100)), &random))
                queue(sent[number], number: UInt64(number) + 1, on: &pair.one)
                queue(back[number], number: UInt64(number) + 1, on: &pair.two)
                pair.run(for: .milliseconds(Int64(random.next(below: 300))))
            }
            pair.run(for: .seconds(120)) { $0.delivered.count == 30 && $0.returned.count == 30 }
            #expect(pair.received == sent && pair.returned == back, "seed \(seed)")
            #expect(pair.delivered == Array(1...30), "seed \(seed)")
            #expect(pair.one.isIdle && pair.one.undelivered.isEmpty)
        }
    }

    @Test("an outage of 60 s loses nothing, and a second after it everything is there")
    func outage() {
        var pair = StreamPair(seed: 1, link: NetworkEmulator.Link(latency: .milliseconds(20)))
        queue([1], number: 1, on: &pair.one)
        pair.run(for: .seconds(1))
        let end = pair.now + .seconds(60)
        pair.network.addBlackout(from: pair.now, until: end)
        var random = SplitMix64(seed: 1)
        let long = message(4_000, &random)
        queue(long, number: 2, on: &pair.one)
        queue([3], number: 3, on: &pair.one)
        pair.run(for: .seconds(60))
        #expect(pair.received == [[1]] && pair.one.undelivered == [2, 3])
        // Without a hint the timer's upper bound is the longest wait; with one it is none.
        var hinted = pair
        hinted.one.pathReturned(now: hinted.now)
        hinted.run(for: .milliseconds(200))
        #expect(hinted.received == [[1], long, [3]] && hinted.delivered == [1, 2, 3])
        pair.run(for: .seconds(6))
        #expect(pair.received == [[1], long, [3]] && pair.delivered == [1, 2, 3])
        #expect(pair.segments < 1 + 5 * 2 + 20, "a minute of retries is few segments")
    }

    @Test("one lost segment of many is the only one that is sent again")
    func selective() {
        for lost in 0..<16 {
            var one = ReliableStream(id: 5)
            var two = ReliableStream(id: 5)
            var now = Instant(nanoseconds: 1_000_000_000)
            var random = SplitMix64(seed: 1)
            let messages = (0..<4).map { _ in message(4_000, &random) }
            for (number, message) in messages.enumerated() {
                queue(message, number: UInt64(number), on: &one)
            }
            var sent = 0
            var received: [[UInt8]] = []
            for _ in 0..<6 {
                now = now + .milliseconds(20)
                one.handleTimeout(now: now)
                var flight: [[UInt8]] = []
                while let packet = StreamPair.packet(&one, now) { flight.append(packet) }
                for packet in flight {
                    defer { sent += 1 }
                    guard sent != lost else { continue }
                    try? give(packet, to: &two, at: now)
                    while let answer = StreamPair.packet(&two, now) {
                        try? give(answer, to: &one, at: now + .milliseconds(20))
                    }
                }
                while let message = two.pollMessage() { received.append(message) }
            }
            // The last three have too few after them to show the hole: their timer does.
            now = now + .seconds(2)
            one.handleTimeout(now: now)
            while let packet = StreamPair.packet(&one, now) {
                sent += 1
                try? give(packet, to: &two, at: now)
            }
            while let message = two.pollMessage() { received.append(message) }
            #expect(received == messages && sent == 17, "segment \(lost): \(sent) sent")
        }
    }

    @Test("without loss nothing is sent twice, whatever the disorder within two segments")
    func noNeedless() {
        var pair = StreamPair(
            seed: 4,
            link: NetworkEmulator.Link(latency: .milliseconds(40), jitter: .milliseconds(9)))
        var random = SplitMix64(seed: 4)
        for number in UInt64(0)..<50 {
            queue(message(1_500, &random), number: number, on: &pair.one)
            pair.run(for: .milliseconds(30))
        }
        pair.run(for: .seconds(3))
        #expect(pair.received.count == 50 && pair.segments == 100)
    }

    @Test("at most 64 segments are under way, and one mebibyte waits")
    func bounds() throws {
        var stream = ReliableStream(id: 5)
        let now = Instant(nanoseconds: 1)
        var queued = 0
        while stream.send([UInt8](repeating: 1, count: 4_000), number: UInt64(queued)) {
            queued += 1
            try #require(queued < 1_000)
        }
        #expect(queued == (1 << 20) / 4_000)
        #expect(stream.undelivered.count == queued)
        var sent = 0
        while StreamPair.packet(&stream, now) != nil { sent += 1 }
        #expect(sent == 64 && !stream.hasWork)
    }

    @Test("a packet of another stream is dropped, a segment before its time is kept once")
    func otherStream() throws {
        var one = ReliableStream(id: 5)
        var other = ReliableStream(id: 6)
        queue([9], number: 1, on: &one)
        let packet = try #require(StreamPair.packet(&one, .zero))
        #expect(throws: DecodeError.unexpectedValue) { try give(packet, to: &other, at: .zero) }
        #expect(other.pollMessage() == nil && !other.hasWork)
        let forged =
            [SealedKind.acknowledgement.rawValue] + packet[1..<8] + [6, 0, 0, 0, 1]
            + [UInt8](repeating: 0, count: 8)
        #expect(throws: DecodeError.unexpectedValue) { try give(forged, to: &one, at: .zero) }
        #expect(one.undelivered == [1])
    }

    @Test("a message above the limit breaks the stream of its sender, for good")
    func overLimit() throws {
        var stream = ReliableStream(id: 5)
        func segment(_ sequence: UInt8, _ flags: UInt8, _ size: Int) -> [UInt8] {
            [SealedKind.segment.rawValue, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, sequence, flags]
                + [UInt8](repeating: sequence, count: size)
        }
        for sequence in UInt8(0)..<4 {
            try give(segment(sequence, 0, 1_000), to: &stream, at: .zero)
        }
        #expect(throws: DecodeError.tooLong) {
            try give(segment(4, 0, 65), to: &stream, at: .zero)
        }
        // Nothing that follows is put together with what came before the hole.
        for sequence in UInt8(5)..<9 {
            #expect(throws: DecodeError.tooLong) {
                try give(segment(sequence, StreamPacket.isLast, 10), to: &stream, at: .zero)
            }
        }
        #expect(stream.pollMessage() == nil && stream.isBroken)
        #expect(throws: DecodeError.tooLong) {
            try give(segment(0, 0, StreamPacket.maximumPayload + 1), to: &stream, at: .zero)
        }
    }

    @Test("garbage in the place of segments and acknowledgements never traps nor forges a message")
    func fuzz() {
        var random = SplitMix64(seed: 8)
        for _ in 0..<(runsEverything ? 3_000 : 150) {
            var one = ReliableStream(id: 5)
            var two = ReliableStream(id: 5)
            var now = Instant(nanoseconds: 1_000_000_000)
            var expected: [[UInt8]] = []
            var received: [[UInt8]] = []
            for number in UInt64(0)..<20 {
                expected.append(message(1 + Int(random.next(below: 2_500)), &random))
                queue(expected.last ?? [], number: number, on: &one)
                // Acknowledgements that nobody could have sent, to the one; bytes of every kind.
                var garbage = [SealedKind.acknowledgement.rawValue, 0, 0, 0, 0, 0, 0, 0, 5]
                garbage += message(Int(random.next(below: 24)), &random)
                let beyond = garbage.count == 21 && garbage[9] == 0 && garbage[10] == 0
                if !beyond { try? give(garbage, to: &one, at: now) }
                try? give(
                    [UInt8(random.next(below: 12))] + message(Int(random.next(below: 40)), &random),
                    to: &two, at: now)
                now = now + .milliseconds(300)
                one.handleTimeout(now: now)
                while let packet = StreamPair.packet(&one, now) {
                    let kind = random.next(below: 4)
                    if kind == 0 { continue }
                    // Truncated packets: what is shorter than its header is refused.
                    if kind == 1 {
                        let size = Int(random.next(below: UInt32(StreamPacket.segmentHeaderSize)))
                        try? give(Array(packet[..<size]), to: &two, at: now)
                    }
                    try? give(packet, to: &two, at: now)
                }
                while let answer = StreamPair.packet(&two, now) {
                    try? give(answer, to: &one, at: now)
                }
                while let message = two.pollMessage() { received.append(message) }
            }
            #expect(received == Array(expected.prefix(received.count)))
        }
    }

    @Test("an acknowledgement of the past changes nothing")
    func acknowledgementsOfThePast() throws {
        var one = ReliableStream(id: 5)
        var two = ReliableStream(id: 5)
        var old: [UInt8] = []
        for number in UInt64(0)..<200 {
            queue([UInt8(truncatingIfNeeded: number)], number: number, on: &one)
            let packet = try #require(StreamPair.packet(&one, .zero))
            try give(packet, to: &two, at: .zero)
            let answer = try #require(StreamPair.packet(&two, .zero))
            if number == 3 { old = answer }
            try give(answer, to: &one, at: .zero)
            if number > 3 { try give(old, to: &one, at: .zero) }
            #expect(one.isIdle)
        }
    }

    @Test("the timer has RFC 6298's values, computed by hand")
    func timer() {
        var timer = RetransmissionTimer()
        #expect(timer.timeout == .seconds(1))
        timer.backOff()
        #expect(timer.timeout == .seconds(2))
        timer.measured(.milliseconds(400))  // SRTT 400, RTTVAR 200
        #expect(timer.timeout == .milliseconds(1_200))
        timer.measured(.milliseconds(600))  // RTTVAR 3/4*200 + 1/4*200 = 200, SRTT 425
        #expect(timer.timeout == .milliseconds(1_225))
        timer.measured(.milliseconds(425))  // RTTVAR 150, SRTT 425
        #expect(timer.timeout == .milliseconds(1_025))
        timer.backOff()
        #expect(timer.timeout == .milliseconds(2_050))
        timer.backOff()
        timer.backOff()
        #expect(timer.timeout == .seconds(5), "the upper bound")
        timer.restoreTimeout()
        #expect(timer.timeout == .milliseconds(1_025))
        var fast = RetransmissionTimer()
        for _ in 0..<50 { fast.measured(.milliseconds(1)) }
        #expect(fast.timeout == .milliseconds(200), "the lower bound")
    }

    @Test("a segment that was sent twice measures nothing (Karn)")
    func karn() throws {
        var one = ReliableStream(id: 5)
        var two = ReliableStream(id: 5)
        queue([1], number: 1, on: &one)
        let first = try #require(StreamPair.packet(&one, .zero))
        #expect(one.timeout == .zero + .seconds(1))
        one.handleTimeout(now: .zero + .seconds(1))
        #expect(StreamPair.packet(&one, .zero + .seconds(1)) == first, "the same bytes again")
        #expect(one.timeout == .zero + .seconds(3))
        try give(first, to: &two, at: .zero)
        let answer = try #require(StreamPair.packet(&two, .zero))
        try give(answer, to: &one, at: .zero + .milliseconds(1_001))
        #expect(one.isIdle && one.timeout == nil)
        queue([2], number: 2, on: &one)
        _ = StreamPair.packet(&one, .zero + .seconds(2))
        #expect(one.timeout == .zero + .seconds(3), "still the first second, not 1 ms")
    }

    @Test("an acknowledgement that was lost measures nothing: the round trip is that of the newest")
    func lostAcknowledgement() throws {
        var one = ReliableStream(id: 5)
        var two = ReliableStream(id: 5)
        queue([1], number: 1, on: &one)
        try give(try #require(StreamPair.packet(&one, .zero)), to: &two, at: .zero)
        _ = StreamPair.packet(&two, .zero)  // is lost
        let later = Instant.zero + .milliseconds(900)
        queue([2], number: 2, on: &one)
        try give(try #require(StreamPair.packet(&one, later)), to: &two, at: later)
        let answer = try #require(StreamPair.packet(&two, later))
        try give(answer, to: &one, at: later + .milliseconds(10))
        #expect(one.isIdle)
        queue([3], number: 3, on: &one)
        _ = StreamPair.packet(&one, .zero + .seconds(2))
        #expect(one.timeout == .zero + .milliseconds(2_200), "10 ms were measured, not 910")
    }

    @Test("what waited for a hole to be filled measures nothing")
    func filledHole() throws {
        var one = ReliableStream(id: 5)
        var two = ReliableStream(id: 5)
        for number in 1...2 { queue([UInt8(number)], number: UInt64(number), on: &one) }
        _ = StreamPair.packet(&one, .zero)  // is lost
        try give(try #require(StreamPair.packet(&one, .zero)), to: &two, at: .zero)
        _ = StreamPair.packet(&two, .zero)  // is lost
        let later = Instant.zero + .seconds(1)
        one.handleTimeout(now: later)
        try give(try #require(StreamPair.packet(&one, later)), to: &two, at: later)
        let answer = try #require(StreamPair.packet(&two, later))
        try give(answer, to: &one, at: later + .milliseconds(10))
        #expect(one.isIdle)
        queue([3], number: 3, on: &one)
        _ = StreamPair.packet(&one, .zero + .seconds(2))
        #expect(one.timeout == .zero + .seconds(3), "still the first second")
    }
}
