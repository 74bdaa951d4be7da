import Testing

@testable import VCCore

@Suite struct SessionTests {
    let arena: SecretArena

    init() throws {
        arena = try #require(SecretArena())
    }

    private func at(_ seconds: Double) -> Instant { PairRig.start + .seconds(seconds) }

    @Test("what one side seals the other opens once, and nobody else")
    func once() throws {
        let pair = PairRig(arena: arena)
        let stranger = PairRig(arena: arena, seed: 9)
        let packet = try #require(pair.starter.seal([0x0A, 1, 2, 3], at: at(0)))
        #expect(stranger.other.open(packet, at: at(0)) == nil)
        #expect(pair.other.open(packet, at: at(0)) == [0x0A, 1, 2, 3])
        #expect(pair.other.open(packet, at: at(0)) == nil, "a replay")
    }

    @Test("a reflected packet opens nowhere: each direction has its key")
    func reflection() throws {
        let pair = PairRig(arena: arena)
        let packet = try #require(pair.starter.seal(at: at(0)))
        #expect(pair.starter.open(packet, at: at(0)) == nil)
        // Even with the index that the sender listens to, as whoever reflects would write it.
        var addressed = packet
        addressed.replaceSubrange(1..<5, with: [0, 0, 0x03, 0xE8])
        #expect(pair.starter.open(addressed, at: at(0)) == nil)
        #expect(!pair.starter.isConfirmed)
    }

    @Test("a packet with any bit changed opens nothing, and takes no place in the window")
    func tampered() throws {
        let pair = PairRig(arena: arena)
        let packet = try #require(pair.starter.seal([0x0A, 7], at: at(0)))
        for bit in 0..<packet.count * 8 {
            let changed = packet.flipping(bit: bit)
            guard changed[0] == PacketType.sealed else { continue }
            #expect(pair.other.open(changed, at: at(0)) == nil, "bit \(bit)")
        }
        for size in 0..<packet.count {
            #expect(pair.other.open(Array(packet[..<size]), at: at(0)) == nil)
        }
        #expect(!pair.other.isConfirmed, "nothing authentic was heard")
        #expect(pair.other.open(packet, at: at(0)) == [0x0A, 7], "the true one still opens")
    }

    @Test("a forged counter far ahead does not move the window")
    func forgedCounter() throws {
        let pair = PairRig(arena: arena)
        let packet = try #require(pair.starter.seal(at: at(0)))
        var forged = packet
        forged.replaceSubrange(5..<13, with: [0, 0, 0, 0, 0xFF, 0, 0, 0])
        #expect(pair.other.open(forged, at: at(0)) == nil)
        #expect(pair.other.open(packet, at: at(0)) != nil)
    }

    @Test("packets open in any order within the window, and only the newest shows a new address")
    func order() throws {
        let pair = PairRig(arena: arena)
        var packets: [[UInt8]] = []
        for _ in 0..<900 { packets.append(try #require(pair.starter.seal(at: at(0)))) }
        func open(_ packet: [UInt8]) -> SessionSlots.Opened? {
            var packet = packet
            return packet.withUnsafeMutableBytes { buffer in
                guard let header = SealedPacket.readHeader(UnsafeRawBufferPointer(buffer)) else {
                    return nil
                }
                return pair.other.slots.open(
                    buffer, index: header.index, counter: header.counter, now: at(0))
            }
        }
        #expect(open(packets[800])?.isNewest == true)
        #expect(open(packets[3])?.isNewest == false)
        #expect(open(packets[799])?.isNewest == false)
        #expect(open(packets[801])?.isNewest == true)
        #expect(open(packets[800]) == nil)
    }

    @Test("no key seals or opens at an age of 180 s")
    func lifetime() throws {
        let pair = PairRig(arena: arena)
        let late = try #require(pair.starter.seal(at: at(179.9)))
        #expect(pair.starter.seal(at: at(180)) == nil)
        #expect(pair.other.open(late, at: at(180)) == nil)
        let inTime = try #require(pair.starter.seal(at: at(179.9)))
        #expect(pair.other.open(inTime, at: at(179.95)) != nil)
        pair.other.slots.expire(now: at(180))
        #expect(pair.other.indices == [0, 0, 0], "expired keys are wiped")
    }

    @Test("the previous keys open for ten seconds more, and never seal")
    func previous() throws {
        let pair = PairRig(arena: arena)
        #expect(pair.exchange(at: at(0)))
        let early = try #require(pair.other.seal([0x0A, 1], at: at(10)))
        let late = try #require(pair.other.seal([0x0A, 2], at: at(10)))
        _ = try pair.renew(at: at(10))
        #expect(pair.starter.open(early, at: at(19.9)) == [0x0A, 1])
        #expect(pair.starter.open(late, at: at(20)) == nil)
        pair.starter.slots.expire(now: at(20))
        #expect(pair.starter.indices[0] == 0, "wiped")
        let fresh = try #require(pair.starter.seal(at: at(20)))
        #expect(fresh[1..<5] != early[1..<5])
    }

    @Test("the next keys expire with the others when the starter never uses them")
    func unusedNext() throws {
        let pair = PairRig(arena: arena)
        #expect(pair.exchange(at: at(0)))
        pair.starter.rekey.handlePlease(now: at(10))
        let first = try #require(pair.starter.tick(at: at(10)).first)
        pair.other.receive(first, at: at(10))
        #expect(pair.other.indices[2] != 0)
        pair.other.slots.expire(now: at(190))
        #expect(pair.other.indices == [0, 0, 0])
    }
}
