import Testing
import VCTestKit

@testable import VCCore

@Suite struct RelayMessageTests {
    private static let address = Endpoint(high: 0x2001_0DB8 << 32, low: 7, port: 4461)
    private static let own = Endpoint(ipv4: 0xC000_0201, port: 40_000)

    static func answer(
        relay: Endpoint = address, own: Endpoint = own, key: UInt64 = 2
    ) -> RelayBindAnswer {
        RelayBindAnswer(
            cookie: Block16(high: 1, low: 2), relay: relay, own: own,
            ticket: RelayFixture.ticket(), signedWith: RelayFixture.key(key))
    }

    static var requests: [(bytes: [UInt8], request: RelayRequest)] {
        [
            (bytes { RelayRequest.writeBind(transaction: 7, into: &$0) }, .bind),
            (
                bytes { RelayRequest.writeAnswer(transaction: 7, answer(), into: &$0) },
                .answer(answer())
            ),
            (
                bytes { RelayRequest.writeKeepalive(transaction: 7, session: 9, into: &$0) },
                .keepalive(session: 9)
            ),
            (
                bytes { RelayRequest.writeUnbind(transaction: 7, session: 9, into: &$0) },
                .unbind(session: 9)
            ),
        ]
    }

    static var answers: [(bytes: [UInt8], answer: RelayAnswer)] {
        let challenge = RelayAnswer.Challenge(
            cookie: Block16(high: 3, low: 4), observed: own, tcpPort: 443, isDraining: true)
        var all: [(bytes: [UInt8], answer: RelayAnswer)] = [
            (
                bytes { RelayAnswer.writeChallenge(transaction: 7, challenge, into: &$0) },
                .challenge(challenge)
            ),
            (
                bytes {
                    RelayAnswer.writeBound(
                        transaction: 7, session: 9, idleSeconds: 300, into: &$0)
                },
                .bound(session: 9, idleSeconds: 300)
            ),
            (
                bytes {
                    RelayAnswer.writeKept(
                        transaction: 7, session: 9, isDraining: false, into: &$0)
                },
                .kept(session: 9, isDraining: false)
            ),
            (
                bytes { RelayAnswer.writeDraining(session: 7, seconds: 10, into: &$0) },
                .draining(session: 7, seconds: 10)
            ),
        ]
        for notice in RelayAnswer.Notice.allCases {
            all.append(
                (
                    bytes { RelayAnswer.writeNotice(transaction: 7, notice, into: &$0) },
                    .notice(notice)
                ))
        }
        return all
    }

    private static func bytes(_ write: (inout ByteWriter) -> Void) -> [UInt8] {
        [UInt8](writing: write)
    }

    @Test("every message is read as it was written, and never with bytes missing or more")
    func roundTrip() throws {
        for (bytes, request) in Self.requests {
            let decoded = try RelayRequest.decode(bytes.span.bytes)
            #expect(decoded.request == request)
            #expect(decoded.header.transaction == 7 && decoded.header.isRequest)
            for size in bytes.indices {
                let short = Array(bytes[..<size])
                #expect(throws: DecodeError.self) { try RelayRequest.decode(short.span.bytes) }
            }
            let long = bytes + [0]
            #expect(throws: DecodeError.trailingBytes) {
                try RelayRequest.decode(long.span.bytes)
            }
        }
        for (bytes, answer) in Self.answers {
            let decoded = try RelayAnswer.decode(bytes.span.bytes)
            #expect(decoded.answer == answer)
            #expect(decoded.header.transaction == 7 && !decoded.header.isRequest)
            for size in bytes.indices {
                let short = Array(bytes[..<size])
                #expect(throws: DecodeError.self) { try RelayAnswer.decode(short.span.bytes) }
            }
            let long = bytes + [0]
            #expect(throws: DecodeError.trailingBytes) {
                try RelayAnswer.decode(long.span.bytes)
            }
        }
    }

    @Test("the sizes are those of the tables, and no answer is longer than its question")
    func sizes() {
        #expect(Self.requests.map(\.bytes.count) == [64, 258, 48, 19])
        #expect(Self.answers.map(\.bytes.count).prefix(5) == [48, 21, 20, 21, 12])
        #expect(RelayFormat.challengeSize == 48 && RelayFormat.answerSize == 258)
        #expect(RelayFormat.unbindSize == 19 && RelayFormat.noticeSize == 12)
    }

    @Test("a message of another version or of an unknown type is not read")
    func versions() {
        for message in Self.requests.map(\.bytes) {
            var other = message
            other[2] = 2
            #expect(throws: DecodeError.unsupportedVersion) {
                try RelayRequest.decode(other.span.bytes)
            }
            other = message
            other[1] = 0x7F
            #expect(throws: DecodeError.unexpectedValue) {
                try RelayRequest.decode(other.span.bytes)
            }
        }
    }

    @Test("the proof of an ANSWER holds only for its cookie, addresses and the ticket's key")
    func proof() throws {
        #expect(Self.answer().isProven)
        #expect(!Self.answer(key: 4).isProven)
        let bytes = RelayFixture.bytes {
            RelayRequest.writeAnswer(transaction: 7, Self.answer(), into: &$0)
        }
        let proven = 11..<11 + 16 + 36
        for index in proven {
            var copy = bytes
            copy[index] ^= 1
            guard case .answer(let answer) = try RelayRequest.decode(copy.span.bytes).request
            else { return #expect(Bool(false)) }
            #expect(!answer.isProven, "byte \(index)")
        }
        #expect(
            !bytes.contains(sequence: [0xC0, 0, 2, 1]), "NATs find no address to rewrite")
    }

    @Test("the header of relayed data is 10 bytes")
    func data() throws {
        let header = RelayDataHeader(session: 0x0102_0304_0506_0708, member: 9)
        let bytes = RelayFixture.bytes { header.encode(into: &$0) }
        #expect(bytes == [0xC2, 1, 2, 3, 4, 5, 6, 7, 8, 9])
        #expect(bytes.count == RelayFormat.dataOverhead)
        var reader = ByteReader(bytes.span.bytes)
        #expect(try RelayDataHeader(from: &reader) == header)
        let short = Array(bytes.dropLast())
        var other = ByteReader(short.span.bytes)
        #expect(throws: DecodeError.truncated) { try RelayDataHeader(from: &other) }
    }
}

extension [UInt8] {
    fileprivate func contains(sequence: [UInt8]) -> Bool {
        guard count >= sequence.count else { return false }
        return (0...count - sequence.count).contains {
            Array(self[$0..<$0 + sequence.count]) == sequence
        }
    }
}
