import Testing
import VCTestKit

@testable import VCCore

/// Somebody who has recorded a join tries a whole dictionary on it afterwards.
@Suite("A dictionary on a recorded join")
struct DictionaryTests {
    /// A join as it went over the network.
    private struct Recording {
        var first: [UInt8] = []
        var hostFirst: [UInt8] = []
        var second: [UInt8] = []
    }

    private static let secret = word(700)
    private let arena: SecretArena
    private let host: DoorRig
    private var recording: Recording

    init() throws {
        arena = try #require(SecretArena())
        let host = DoorRig(arena: arena, words: Self.secret)
        let joiner = JoinerRig(arena: arena, words: Self.secret, at: .zero)
        var recording = Recording()
        runJoin(host, joiner) { body in
            switch body[0] {
            case JoinMessage.first: recording.first = body
            case JoinMessage.hostFirst: recording.hostFirst = body
            case JoinMessage.second: recording.second = body
            default: break
            }
            return body
        }
        try #require(joiner.transcript != nil)
        self.host = host
        self.recording = recording
    }

    private static func word(_ index: UInt16) -> [UInt8] {
        Array(WordList.publicText(of: index).utf8)
    }

    private static func scalar(_ value: UInt8, _ arena: SecretArena) -> SecretBytes {
        var bytes = [UInt8](repeating: 0, count: 32)
        bytes[0] = value
        return SecretBytes(copying: bytes.span.bytes, in: arena)
    }

    /// The shares that can be taken for the common point, one after the other.
    private enum Guess: CaseIterable {
        case shareOfJoiner
        case shareOfHost
        /// The generator that follows from the word.
        case generator
    }

    /// Whether the joiner's proof opens with what follows from a word, a scalar and one of the
    /// points that were seen, to somebody who knows even the host's private key.
    private func opens(_ word: [UInt8], _ scalar: UInt8, _ guess: Guess) throws -> Bool {
        let opening = try JoinMessage.Opening(
            recording.first.span.bytes, type: JoinMessage.first)
        let answer = try JoinMessage.Opening(
            recording.hostFirst.span.bytes, type: JoinMessage.hostFirst)
        let session = [UInt8](capacity: Block16.encodedSize) {
            opening.session.encode(into: &$0)
        }
        let channel = JoinMessage.channel(nameplate: DoorRig.nameplate)
        func party(_ value: UInt8) throws -> CPace.Party {
            try CPace.Party(
                scalar: Self.scalar(value, arena), secret: word.span.bytes,
                channel: channel.span.bytes, session: session.span.bytes, arena: arena)
        }
        let point =
            switch guess {
            case .shareOfJoiner: opening.share
            case .shareOfHost: answer.share
            case .generator: try party(1).share
            }
        let key = try party(scalar).agree(
            with: point, session: session.span.bytes,
            initiator: (opening.share, CPace.PublicKeyData(role: "J", key: opening.key)),
            responder: (answer.share, CPace.PublicKeyData(role: "H", key: answer.key)),
            arena: arena)
        let preSharedKey = JoinMessage.preSharedKey(
            key, recording.first, recording.hostFirst, arena: arena)
        var noise = NoiseKKpsk0(
            role: .responder,
            prologue: JoinMessage.prologue(recording.first, recording.hostFirst).span.bytes,
            preSharedKey: preSharedKey.span, local: answer.key, remote: opening.key,
            arena: arena)
        let sealed = Array(recording.second.dropFirst(JoinMessage.sealedHeaderSize))
        do {
            _ = try noise.readMessage(sealed.span.bytes, local: host.keys)
            return true
        } catch HandshakeError.notAuthentic {
            return false
        }
    }

    @Test("finds no word that fits better than another one, not even with the host's private key")
    func noPredicate() throws {
        for index in 0..<UInt16(WordList.count) {
            for guess in Guess.allCases {
                let isOpen = try opens(Self.word(index), 1, guess)
                #expect(!isOpen, "word \(index), \(guess)")
            }
        }
        for scalar in UInt8(2)...9 {
            for guess in Guess.allCases {
                #expect(try !opens(Self.secret, scalar, guess), "the word itself, \(guess)")
            }
        }
    }

    @Test("and neither the word nor anything that follows from it alone is in what was sent")
    func nothingSent() throws {
        let opening = try JoinMessage.Opening(
            recording.first.span.bytes, type: JoinMessage.first)
        let session = [UInt8](capacity: Block16.encodedSize) {
            opening.session.encode(into: &$0)
        }
        let generator = CPace.generator(
            secret: Self.secret.span.bytes,
            channel: JoinMessage.channel(nameplate: DoorRig.nameplate).span.bytes,
            session: session.span.bytes, arena: arena)
        let point = (0..<generator.count).map { generator.mutableBytes[$0] }
        let sent = recording.first + recording.hostFirst + recording.second
        for piece in [Self.secret, Array(point.prefix(8)), Array(point.suffix(8))] {
            let places = (0...sent.count - piece.count).filter {
                sent[$0..<$0 + piece.count].elementsEqual(piece)
            }
            #expect(places.isEmpty)
        }
    }

    @Test("a scalar that somebody knows opens it: what is tried above is the right computation")
    func control() throws {
        // The host's scalar is one here, so that the common point is the joiner's share.
        let joiner = JoinerRig(arena: arena, words: Self.secret, at: .zero)
        let first = try #require(joiner.poll(at: .zero))
        let opening = try JoinMessage.Opening(first.span.bytes, type: JoinMessage.first)
        let session = [UInt8](capacity: Block16.encodedSize) {
            opening.session.encode(into: &$0)
        }
        let channel = JoinMessage.channel(nameplate: DoorRig.nameplate)
        let party = try CPace.Party(
            scalar: Self.scalar(1, arena), secret: Self.secret.span.bytes,
            channel: channel.span.bytes, session: session.span.bytes, arena: arena)
        let answer = JoinMessage.Opening.make(
            JoinMessage.hostFirst, session: opening.session, share: party.share,
            key: host.keys.publicKey)
        joiner.receive(answer, at: .zero)
        var weak = self
        weak.recording = Recording(
            first: first, hostFirst: answer, second: try #require(joiner.poll(at: .zero)))
        #expect(try weak.opens(Self.secret, 1, .shareOfJoiner))
        #expect(try !weak.opens(Self.secret, 1, .shareOfHost))
    }
}
