import Testing
import VCTestKit

@testable import VCCore

@Suite("Copies of frames") struct VoiceCopiesTests {
    /// A pair in a call, of which the joiner reports what the test says.
    private final class Talk {
        let pair: JoinedPair
        let packet = UnsafeMutableRawBufferPointer.allocate(
            byteCount: Limits.datagram, alignment: 16)
        var sequence: UInt16 = 65_530
        var timestamp: UInt32 = 4_294_960_000
        var received: UInt32 = 0
        var lost: UInt32 = 0
        var bursts: UInt32 = 0
        var transit: UInt32 = 1_000

        init(fixed: LossControl.Copies? = nil) throws {
            let arena = try #require(SecretArena())
            pair = try JoinedPair(arena: arena) { $1.copies = fixed }
        }

        deinit { packet.deallocate() }

        /// Reports of `seconds`, with so many lost frames of 50 in so many bursts, and with a delay
        /// that rises by so many tenths of a millisecond each time.
        func report(seconds: Int, losing: UInt32, bursts: UInt32, rising: UInt32 = 0) {
            for _ in 0..<(2 * seconds) {
                received += 50 - losing
                lost += losing
                self.bursts += bursts
                transit += rising
                pair.joiner.sendReport(
                    ReceiverReport(
                        received: received, lost: lost, bursts: self.bursts, jitter: 0,
                        captureDelay: 0, transit: transit),
                    to: 1, now: pair.now)
                pair.run(for: .milliseconds(500))
            }
        }

        /// Sends a frame of 120 bytes that tell its number; what came of it: the number in the
        /// packet, and for each copy how far back it lies and the number in it.
        func send(flags: UInt8 = 0, isSent: Bool = true) -> (UInt8, [(UInt8, UInt16, UInt8)])? {
            let number = UInt8(truncatingIfNeeded: sequence)
            let frame = [UInt8](repeating: number, count: 120)
            defer {
                sequence &+= 1
                timestamp &+= 480
            }
            guard isSent else { return nil }
            var result: (UInt8, [(UInt8, UInt16, UInt8)])?
            let header = VoiceHeader(
                flags: flags, sequence: sequence, timestamp: timestamp, level: 20)
            _ = frame.withUnsafeBytes { bytes in
                pair.send(header, bytes, from: .host, through: packet) { arrival in
                    let copies = [arrival.blocks.first, arrival.blocks.second].compactMap {
                        $0.map { ($0.framesBack, $0.samplesBack, $0.frame[0]) }
                    }
                    result = (arrival.frame[119], copies)
                }
            }
            return result
        }
    }

    @Test("a receiver without loss gets each frame once")
    func none() throws {
        let talk = try Talk()
        talk.report(seconds: 4, losing: 0, bursts: 0)
        for _ in 0..<20 { #expect(try #require(talk.send()).1.isEmpty) }
    }

    @Test("what a receiver loses comes again behind the next frame, or the one after, or both")
    func copies() throws {
        for (losing, bursts, backs) in [
            (UInt32(2), UInt32(2), [UInt8(1)]), (2, 1, [2]), (6, 6, [1, 2]),
        ] {
            let talk = try Talk()
            talk.report(seconds: 4, losing: losing, bursts: bursts)
            for _ in 0..<3 { _ = talk.send() }
            for _ in 0..<20 {
                let number = UInt8(truncatingIfNeeded: talk.sequence)
                let (frame, copies) = try #require(talk.send())
                #expect(frame == number)
                #expect(copies.map(\.0) == backs)
                for (back, samples, content) in copies {
                    #expect(samples == UInt16(back) * 480)
                    #expect(content == number &- back)
                }
            }
        }
    }

    @Test("who reports nothing any more keeps nobody thrifty, nor the copies, 15 s later")
    func silence() throws {
        let copying = try Talk()
        copying.report(seconds: 4, losing: 2, bursts: 2)
        for _ in 0..<3 { _ = copying.send() }
        // Half a second of it went by behind the last report.
        copying.pair.run(for: .milliseconds(14_400))
        #expect(try #require(copying.send()).1.map(\.0) == [1])
        copying.pair.run(for: .milliseconds(200))
        #expect(try #require(copying.send()).1.isEmpty)
        let thrifty = try Talk()
        thrifty.report(seconds: 1, losing: 0, bursts: 0)
        thrifty.report(seconds: 12, losing: 8, bursts: 8, rising: 40)
        let thrift = { thrifty.pair.host.connection(of: 2)?.thrift }
        #expect(thrift() == LossControl.mostThrift)
        thrifty.pair.run(for: .milliseconds(14_400))
        #expect(thrift() == LossControl.mostThrift)
        for step in 1...LossControl.mostThrift {
            thrifty.pair.run(for: .milliseconds(200))
            #expect(thrift() == LossControl.mostThrift - step)
            thrifty.pair.run(for: .milliseconds(14_800))
        }
    }

    @Test("a person may say how many go along, whatever is lost")
    func fixed() throws {
        for (fixed, losing, backs) in [
            (LossControl.Copies.none, UInt32(6), [UInt8]()), (.previous, 0, [1]),
            (.both, 0, [1, 2]), (.previous, 6, [1]),
        ] {
            let talk = try Talk(fixed: fixed)
            talk.report(seconds: 4, losing: losing, bursts: losing)
            for _ in 0..<3 { _ = talk.send() }
            for _ in 0..<20 { #expect(try #require(talk.send()).1.map(\.0) == backs) }
        }
    }

    @Test("nothing from before a talk spurt is copied into it")
    func talkSpurt() throws {
        let talk = try Talk()
        talk.report(seconds: 4, losing: 6, bursts: 6)
        for _ in 0..<5 { _ = talk.send() }
        talk.timestamp &+= 48_000
        #expect(try #require(talk.send(flags: VoiceHeader.startOfTalkSpurt)).1.isEmpty)
        #expect(try #require(talk.send()).1.map(\.0) == [1])
        #expect(try #require(talk.send()).1.map(\.0) == [1, 2])
    }

    @Test("a frame that was not sent to a member is not copied to it either")
    func withheld() throws {
        let talk = try Talk()
        talk.report(seconds: 4, losing: 6, bursts: 6)
        for _ in 0..<5 { _ = talk.send() }
        _ = talk.send(isSent: false)
        // Only n-2 was sent; n-1 was for others.
        #expect(try #require(talk.send()).1.map(\.0) == [2])
        #expect(try #require(talk.send()).1.map(\.0) == [1])
        #expect(try #require(talk.send()).1.map(\.0) == [1, 2])
    }

    @Test("blocks of any bytes never trap, and never reach beyond them")
    func garbage() {
        var random = SplitMix64(seed: 21)
        for _ in 0..<50_000 {
            let count = Int.random(in: 0...60, using: &random)
            var bytes = (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) }
            // Near the truth.
            if count > 6, Bool.random(using: &random) {
                bytes[0] = UInt8.random(in: 0...3, using: &random)
                bytes[1] = UInt8.random(in: 0...8, using: &random)
                bytes[3] = 0
                bytes[4] = UInt8.random(in: 0...60, using: &random)
            }
            let copies = Int.random(in: 0...2, using: &random)
            bytes.withUnsafeBytes { bytes in
                guard let blocks = VoiceBlocks(bytes, copies: copies) else { return }
                let copied = [blocks.first, blocks.second].compactMap { $0?.frame.count }
                let whole = blocks.frame.count + copied.reduce(0) { $0 + $1 + 5 }
                #expect(whole == count)
                #expect(copied.count == copies)
            }
        }
    }
}
