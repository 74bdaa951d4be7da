import CAllocationCounter
import Glibc
import Testing
import VCCore
import VCTestKit

@testable import VCNet

@Suite(.serialized) struct StreamTableTests {
    static let server = StreamLimits(
        total: 8, perSource: 4, firstDatagram: .milliseconds(200), idle: .milliseconds(600),
        connectsOnSend: false)

    private static func client(_ total: Int = 8) -> StreamLimits {
        StreamLimits(total: total, perSource: total, idle: .seconds(60), connectsOnSend: true)
    }

    @Test(
        "the first datagram opens a connection, and both sides talk over it",
        arguments: [StreamRig.loopback4, StreamRig.loopback6])
    func bothWays(local: Endpoint) throws {
        let server = try StreamRig(Self.server)
        let client = try StreamRig(Self.client())
        let listening = try server.listen(at: local)
        let datagrams = (1...9).map { [UInt8](repeating: $0, count: Int($0) * 130) }
        for datagram in datagrams { #expect(client.send(datagram, to: listening)) }
        #expect(try run(client, server) { $1.received.count == 9 })
        #expect(server.received.map(\.bytes) == datagrams)
        let source = server.received[0].source
        #expect(source.transport == .tcp)
        #expect(source.hasSameAddress(as: local))
        #expect(server.events == [.opened(source)])
        #expect(client.events == [.opened(listening)])

        for datagram in datagrams { #expect(server.send(datagram, to: source)) }
        #expect(try run(client, server) { client, _ in client.received.count == 9 })
        #expect(client.received.map(\.bytes) == datagrams)
        #expect(client.received.allSatisfy { $0.source == listening })

        client.table.close(listening)
        #expect(try run(client, server) { $1.events.count == 2 })
        #expect(server.events.last == .closed(source, .remote))
        #expect(client.events.last == .closed(listening, .asked))
        let counts = [client.table.count, server.table.count]
        #expect(counts == [0, 0])
        #expect(!server.send([1], to: source), "a server does not call back")
    }

    @Test("datagrams are put together again when they arrive byte by byte, or many at once")
    func fragments() throws {
        let server = try StreamRig(Self.server)
        let port = try server.listen().port
        let raw = try #require(RawStream(port: port))
        let datagrams = [[UInt8](repeating: 3, count: 5), [4], [UInt8](repeating: 5, count: 90)]
        for byte in StreamFramerTests.stream(datagrams) {
            raw.write([byte])
            try server.turn(1)
        }
        let many = (0..<40).map { [UInt8](repeating: $0, count: 1_200) }
        raw.write(StreamFramerTests.stream(many))
        let deadline = MonotonicClock.now + testPatience
        while server.received.count < 43, MonotonicClock.now < deadline { try server.turn(10) }
        #expect(server.received.map(\.bytes) == datagrams + many)
    }

    @Test(
        "a length that is none of ours closes the connection and no other", arguments: [0, 1_201])
    func badLength(length: Int) throws {
        let server = try StreamRig(Self.server)
        let port = try server.listen().port
        let good = try #require(RawStream(port: port))
        let bad = try #require(RawStream(port: port))
        bad.write(StreamFramerTests.stream([[7]]) + [UInt8(length >> 8), UInt8(length & 0xFF)])
        good.write(StreamFramerTests.stream([[8]]))
        let deadline = MonotonicClock.now + testPatience
        while server.events.count < 3, MonotonicClock.now < deadline { try server.turn(10) }
        let source = try #require(server.received.first { $0.bytes == [7] }?.source)
        #expect(server.events.last == .closed(source, .badLength))
        #expect(bad.read() == nil)
        good.write(StreamFramerTests.stream([[9]]))
        while server.received.count < 3, MonotonicClock.now < deadline { try server.turn(10) }
        #expect(server.received.last?.bytes == [9])
        let badLengths = server.table.counters.badLengths
        #expect(badLengths == 1)
    }

    @Test("to a slow reader the newest datagrams are dropped, and those that arrive are whole")
    func slowReader() throws {
        let server = try StreamRig(Self.server)
        let port = try server.listen().port
        let raw = try #require(RawStream(port: port, receiveBufferBytes: 4_096))
        raw.write(StreamFramerTests.stream([[1]]))
        let deadline = MonotonicClock.now + testPatience
        while server.received.isEmpty, MonotonicClock.now < deadline { try server.turn(10) }
        let source = server.received[0].source
        var taken: [[UInt8]] = []
        for number in 0..<2_000 {
            let datagram = [UInt8](repeating: UInt8(truncatingIfNeeded: number), count: 1_000)
            if server.send(datagram, to: source) { taken.append(datagram) }
        }
        #expect(taken.count >= StreamSendQueue.limit)
        // The kernel does not hold much more than our own queue does.
        #expect(taken.count < 200)
        let dropped = server.table.counters.dropped
        #expect(dropped == 2_000 - taken.count)
        var stream: [UInt8] = []
        let expected = StreamFramerTests.stream(taken)
        while stream.count < expected.count, MonotonicClock.now < deadline {
            stream += raw.read() ?? []
            try server.turn(1)
        }
        #expect(stream == expected)
        #expect(server.send([5], to: source), "once it reads again, it is served again")
    }

    @Test("one source gets no more than its share, and all together no more than the limit")
    func limits() throws {
        let server = try StreamRig(
            StreamLimits(
                total: 6, perSource: 4, idle: .seconds(60), connectsOnSend: false))
        let port = try server.listen().port
        let raws = try (0..<6).map { _ in try #require(RawStream(port: port)) }
        let deadline = MonotonicClock.now + testPatience
        while server.table.counters.refused < 2, MonotonicClock.now < deadline {
            try server.turn(10)
        }
        var counts = [server.table.count, Int(server.table.counters.accepted)]
        #expect(counts == [4, 4])
        #expect(raws.count(where: { $0.read() == nil }) == 2)
        // From another address of the loopback network there is room for two more.
        let client = try StreamRig(Self.client())
        let other = try server.listen(at: StreamRig.loopback6)
        _ = client.send([1], to: other)
        #expect(try run(client, server) { $1.received.count == 1 })
        counts = [server.table.count]
        #expect(counts == [5])
    }

    @Test("whoever only connects, or falls silent, is closed; whoever talks is not")
    func idle() throws {
        let server = try StreamRig(Self.server)
        let port = try server.listen().port
        let mute = try #require(RawStream(port: port))
        let silent = try #require(RawStream(port: port))
        let talking = try #require(RawStream(port: port))
        silent.write(StreamFramerTests.stream([[1]]))
        let start = MonotonicClock.now
        var closedAt: [Duration] = []
        while MonotonicClock.now - start < .milliseconds(2_500) {
            talking.write(StreamFramerTests.stream([[2]]))
            try server.turn(50)
            server.table.handleTimeout(now: MonotonicClock.now)
            while let event = server.table.pollEvent() {
                guard case .closed(_, .idle) = event else { continue }
                closedAt.append(MonotonicClock.now - start)
            }
        }
        #expect(closedAt.count == 2)
        #expect(mute.read() == nil)
        #expect(silent.read() == nil)
        #expect(talking.read() == [])
        let idle = server.table.counters.idle
        #expect(idle == 2)
    }

    @Test("who refuses is told as closed, and not asked again at the rate of voice")
    func refused() throws {
        let port: UInt16
        do {
            let server = try StreamRig(Self.server)
            port = try server.listen().port
        }
        let client = try StreamRig(Self.client())
        let nobody = StreamRig.loopback4.with(port: port).over(.tcp)
        let start = MonotonicClock.now
        for _ in 0..<50 {
            client.send([1], to: nobody)
            try client.turn(2)
        }
        // Once, and again each second where these 100 ms take longer.
        let asked = 1 + Int((MonotonicClock.now - start).components.seconds)
        let events = client.events
        #expect(events.allSatisfy { $0 == .closed(nobody, .failed(ECONNREFUSED)) })
        #expect((1...asked).contains(events.count))
    }

    @Test("a connection that nobody accepts ends after five seconds")
    func connectTimeout() throws {
        let client = try StreamRig(Self.client())
        // Nobody asks the poller, so the client never learns that it was accepted.
        let server = try StreamRig(Self.server)
        let nobody = try server.listen()
        let now = MonotonicClock.now
        let begun = client.table.connect(to: nobody, poller: client.poller, now: now)
        #expect(begun)
        client.table.handleTimeout(now: now + .milliseconds(4_900))
        var event = client.table.pollEvent()
        #expect(event == nil)
        client.table.handleTimeout(now: now + .milliseconds(6_000))
        event = client.table.pollEvent()
        #expect(event == .closed(nobody, .connectTimeout))
    }

    @Test("300 connections at once each get their own datagrams, and the places are used again")
    func many() throws {
        var limits = StreamLimits.server
        limits.perSource = 300
        let server = try StreamRig(limits)
        server.echoes = true
        let port = try server.listen().port
        for round in 0..<2 {
            var raws: [RawStream] = []
            for _ in 0..<300 {
                raws.append(try #require(RawStream(port: port)))
                try server.turn()
            }
            let payload = { (index: Int) in [UInt8(index & 0xFF), UInt8(index >> 8), UInt8(round)] }
            for (index, raw) in raws.enumerated() {
                raw.write(StreamFramerTests.stream([payload(index)]))
            }
            var answers = [[UInt8]](repeating: [], count: raws.count)
            let deadline = MonotonicClock.now + .seconds(10)
            while answers.contains(where: { $0.count < 5 }), MonotonicClock.now < deadline {
                try server.turn(1)
                for (index, raw) in raws.enumerated() { answers[index] += raw.read() ?? [] }
            }
            #expect(
                answers.indices.allSatisfy {
                    answers[$0] == StreamFramerTests.stream([payload($0)])
                })
            let count = server.table.count
            #expect(count == 300)
            raws = []
            while server.table.count > 0, MonotonicClock.now < deadline { try server.turn(1) }
        }
        let accepted = server.table.counters.accepted
        #expect(accepted == 600)
    }

    @Test("without a descriptor left, connections are refused, and later ones are served")
    func noDescriptors() async {
        // In a process of its own: it takes every descriptor.
        await #expect(processExitsWith: .success) {
            let server = try StreamRig(StreamTableTests.server)
            let port = try server.listen().port
            let raw = try #require(RawStream(port: port))
            var limit = rlimit(rlim_cur: 256, rlim_max: 256)
            setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
            var taken: [CInt] = []
            while true {
                let next = dup(0)
                guard next >= 0 else { break }
                taken.append(next)
            }
            let deadline = MonotonicClock.now + testPatience
            while server.table.counters.refused == 0, MonotonicClock.now < deadline {
                try server.turn(10)
            }
            #expect(server.table.counters.refused == 1)
            #expect(raw.read() == nil)
            taken.forEach { close($0) }
            let again = try #require(RawStream(port: port))
            again.write(StreamFramerTests.stream([[1]]))
            while server.received.isEmpty, MonotonicClock.now < deadline { try server.turn(10) }
            #expect(server.received.count == 1)
        }
    }

    @Test("once a connection stands, a datagram through it allocates nothing")
    func allocations() throws {
        guard vc_allocation_counter_works() == 1 else { return }
        let server = try StreamRig(Self.server)
        server.echoes = true
        let client = try StreamRig(Self.client())
        client.echoes = true
        let listening = try server.listen()
        // What is sent once goes to and fro from now on.
        client.send([UInt8](repeating: 1, count: 120), to: listening)
        for _ in 0..<100 {
            try client.turn(1)
            try server.turn(1)
        }
        let before = (vc_allocation_count(), server.table.counters.received)
        for _ in 0..<1_000 {
            try client.turn(1)
            try server.turn(1)
        }
        let after = (vc_allocation_count(), server.table.counters.received)
        #expect(after.1 - before.1 > 900)
        #expect(after.0 - before.0 == 0)
    }
}
