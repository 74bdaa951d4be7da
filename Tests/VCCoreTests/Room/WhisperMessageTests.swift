import Testing

@testable import VCCore

@Suite struct WhisperMessageTests {
    private func decode(_ bytes: [UInt8]) throws -> WhisperMessage? {
        guard case .whisper(let message) = try StreamMessage.decode(bytes.span.bytes) else {
            return nil
        }
        return message
    }

    private func encoded(_ members: [UInt8], text: Int = 3) -> [UInt8] {
        StreamMessage.whisper(
            WhisperMessage(
                id: 7, members: members, text: [UInt8](repeating: 0x61, count: text))
        ).encode()
    }

    @Test("what is encoded is decoded, up to the longest message for the largest room")
    func roundTrip() throws {
        for members in [[1], [2, 16], Array(UInt8(1)...16)] as [[UInt8]] {
            for length in [1, Limits.chatMessage] {
                let message = try decode(encoded(members, text: length))
                #expect(message?.members == members)
                #expect(message?.id == 7 && message?.text.count == length)
            }
        }
        let longest = encoded(Array(1...16), text: Limits.chatMessage)
        #expect(longest.count <= ReliableStream.maximumMessage)
    }

    @Test("a list that no vc makes is refused: empty, out of order, twice, no number, too long")
    func refusals() {
        let lists: [[UInt8]] = [[], [2, 1], [3, 3], [0, 1], [1, 17], Array(1...16) + [16]]
        for members in lists {
            #expect(throws: DecodeError.self, "\(members)") { try decode(encoded(members)) }
        }
        #expect(throws: DecodeError.self) {
            try decode(encoded([1], text: Limits.chatMessage + 1))
        }
        let whole = encoded([1, 2])
        for length in 1..<12 {
            #expect(throws: DecodeError.self) { try decode(Array(whole[..<length])) }
        }
    }

    @Test("the allowance of a receiver grows by an outage, and never by more than that")
    func allowance() {
        func takes(_ allowance: inout ChatAllowance, at second: Int) -> Int {
            var count = 0
            let now = Instant(nanoseconds: UInt64(second) * 1_000_000_000)
            while allowance.take(now: now) { count += 1 }
            return count
        }
        var sender = ChatAllowance()
        #expect(takes(&sender, at: 1) == 20)
        #expect(takes(&sender, at: 2) == 20)
        #expect(takes(&sender, at: 100) == 20)
        var receiver = ChatAllowance(isReceiver: true)
        #expect(takes(&receiver, at: 1) == 140)
        #expect(takes(&receiver, at: 2) == 20)
        receiver.noteOutage(.seconds(10), now: Instant(nanoseconds: 12_000_000_000))
        #expect(takes(&receiver, at: 12) == 340)
        receiver.noteOutage(.seconds(100_000), now: Instant(nanoseconds: 13_000_000_000))
        #expect(takes(&receiver, at: 13) == 140 + 1_200)
    }
}
