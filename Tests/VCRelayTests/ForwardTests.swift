import CAllocationCounter
import Testing
import VCCore
import VCTestKit

@testable import VCRelay

/// What becomes of relayed data.
@Suite struct ForwardTests {
    @Test("data reaches the member it is for, under its session, from the sender's number")
    func forward() {
        let world = RelayWorld()
        let (first, second) = (world.member(3), world.member(9))
        world.send(first, to: 9, [1, 2, 3])
        world.send(second, to: 3, [4])
        #expect(second.received.map(\.member) == [3] && second.received[0].inner == [1, 2, 3])
        #expect(first.received.map(\.member) == [9] && first.received[0].inner == [4])
        #expect(world.counters.forwarded == 2)
    }

    @Test("data from an address that did not bind goes nowhere, whatever session it names")
    func unbound() throws {
        let world = RelayWorld()
        let (first, second) = (world.member(1), world.member(2))
        let session = try #require(first.session)
        let bytes = RelayWorld.data(session, to: 2)
        let sources = [
            second.endpoint, first.endpoint.with(port: 1), first.endpoint.over(.tcp),
            Endpoint(ipv4: 1, port: 1),
        ]
        for source in sources { #expect(world.give(bytes, from: source) == nil) }
        for bit in 0..<64 {
            let other = RelayWorld.data(session ^ 1 << UInt64(bit), to: 2)
            #expect(world.give(other, from: first.endpoint) == nil)
        }
        #expect(world.give(RelayWorld.data(0, to: 2), from: first.endpoint) == nil)
        #expect(second.received.isEmpty && world.counters.forwarded == 0)
        #expect(world.counters.unbound == 69)
    }

    @Test("who lost its session is told by a notice that is not longer, at most ten a second")
    func notices() throws {
        let world = RelayWorld()
        let source = Endpoint(ipv4: 0x0A00_0009, port: 9)
        world.give(RelayWorld.data(77, to: 2, [1]), from: source)
        #expect(world.answer() == nil, "eleven bytes are shorter than a notice")
        world.give(RelayWorld.data(77, to: 2, [1, 2]), from: source)
        let sent = try #require(world.answer())
        let notice = try RelayWorld.decode(sent.bytes)
        #expect(sent.destination == source && sent.bytes.count == 12)
        #expect(notice.answer == .notice(.bindAgain) && notice.header.transaction == 77)
        var answers = 0
        for step in 0..<10_000 {
            if step % 100 == 0 { world.now = world.now + .milliseconds(100) }
            world.give(RelayWorld.data(77, to: 2), from: source.with(port: UInt16(step)))
            while world.answer() != nil { answers += 1 }
        }
        #expect(answers >= 100 && answers <= 120)
        // However much one network sends, another one is told.
        for step in 0..<5_000 {
            world.give(RelayWorld.data(77, to: 2), from: source.with(port: UInt16(step)))
        }
        while world.answer() != nil {}
        world.give(RelayWorld.data(78, to: 2), from: Endpoint(ipv4: 0x0B00_0009, port: 44))
        #expect(world.answer() != nil)
    }

    @Test("data to nobody, to oneself, to another room or to nonsense goes nowhere")
    func targets() {
        let world = RelayWorld()
        let first = world.member(1)
        let other = world.member(2, room: Block16(high: 1, low: 1))
        for member: UInt8 in [0, 1, 2, 3, 16, 17, 255] {
            #expect(world.send(first, to: member) == nil)
        }
        #expect(other.received.isEmpty && world.counters.unreachable == 7)
    }

    @Test("nothing is forwarded to a member that was silent for 30 s; its first packet is enough")
    func stale() {
        let world = RelayWorld()
        let (first, second) = (world.member(1), world.member(2))
        let answer = RelayWorld.data(second.session ?? 0, to: 1)
        second.isUp = false
        world.run(for: .milliseconds(29_999))
        #expect(world.send(first, to: 2) != nil)
        world.run(for: .milliseconds(1))
        #expect(world.send(first, to: 2) == nil)
        #expect(world.give(answer, from: second.endpoint) != nil)
        #expect(world.send(first, to: 2) != nil)
    }

    @Test("a member sends at its rate, and what it saved up for a quarter of a second")
    func rate() {
        let world = RelayWorld()
        let (first, second) = (world.member(1), world.member(2))
        let inner = [UInt8](repeating: 0, count: 1_000 - 38)
        var sent = 0
        while world.send(first, to: 2, inner) != nil { sent += 1 }
        #expect(sent == 125)
        #expect(world.send(second, to: 1, inner) != nil, "each has a rate of its own")
        world.now = world.now + .milliseconds(100)
        sent = 0
        while world.send(first, to: 2, inner) != nil { sent += 1 }
        #expect(sent == 50)
        #expect(world.counters.overRate == 2)
    }

    @Test("--max-mbit holds for all members together")
    func total() {
        var limits = RelayLimits()
        limits.totalBytesPerSecond = 125_000
        let world = RelayWorld(limits: limits)
        let members = (1...16).map { world.member($0) }
        let inner = [UInt8](repeating: 0, count: 1_000 - 38)
        var bytes = 0
        for step in 0..<1_000 {
            world.now = world.now + .milliseconds(10)
            let number = step % 16
            for _ in 0..<4
            where world.send(members[number], to: UInt8((number + 1) % 16 + 1), inner) != nil {
                bytes += 1_000
            }
        }
        #expect(bytes >= 1_230_000 && bytes <= 1_260_000, "10 s and the burst")
        #expect(world.counters.overTotal > 0)
    }

    @Test("what is too short or too long is dropped; the longest that fits is not")
    func sizes() {
        let world = RelayWorld()
        let (first, second) = (world.member(1), world.member(2))
        let session = first.session ?? 0
        let longest = RelayWorld.data(session, to: 2, [UInt8](repeating: 1, count: 1_190))
        #expect(world.give(longest, from: first.endpoint) != nil)
        #expect(world.give(longest + [1], from: first.endpoint) == nil)
        for size in 1...10 {
            #expect(world.give(Array(longest.prefix(size)), from: first.endpoint) == nil)
        }
        #expect(second.received.count == 1)
    }

    @Test("members over TCP and UDP reach each other")
    func transports() {
        let world = RelayWorld()
        world.service.addresses.append(RelayWorld.address.with(port: 443).over(.tcp))
        let first = world.member(1)
        let second = world.client(at: 2, server: RelayWorld.address.with(port: 443).over(.tcp))
        world.setTicket(of: second, world.ticket(2, for: second.verifyKey))
        world.pump()
        #expect(second.session != nil)
        #expect(world.send(first, to: 2) == second.endpoint)
        #expect(world.send(second, to: 1) == first.endpoint)
    }

    @Test("a packet of a hundred rooms of eight is forwarded without an allocation")
    func allocations() {
        guard vc_allocation_counter_works() == 1 else { return }
        let world = RelayWorld()
        var packets: [(bytes: [UInt8], source: Endpoint)] = []
        for room in 0..<100 {
            for member in 1...8 {
                let client = world.member(
                    UInt8(member), at: UInt32(room * 8 + member),
                    room: Block16(high: UInt64(room), low: 5))
                packets.append(
                    (
                        RelayWorld.data(
                            client.session ?? 0, to: UInt8(member % 8 + 1),
                            [UInt8](repeating: 2, count: 110)), client.endpoint
                    ))
            }
        }
        #expect(world.sessionCount == 800)
        var forwarded = 0
        var allocations: UInt64 = 0
        var buffer = [UInt8](repeating: 0, count: 120)
        for turn in 0..<20 {
            world.now = world.now + .milliseconds(10)
            for (bytes, source) in packets {
                buffer.withUnsafeMutableBytes { $0.copyBytes(from: bytes) }
                let before = vc_allocation_count()
                let target = buffer.withUnsafeMutableBytes {
                    world.service.forward($0, from: source, now: world.now)
                }
                // Metadata of generic types is made when they are first used.
                if turn > 0 { allocations += vc_allocation_count() - before }
                if target != nil { forwarded += 1 }
            }
        }
        #expect(forwarded == 16_000)
        #expect(allocations == 0)
    }
}
