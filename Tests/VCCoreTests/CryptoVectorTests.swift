import CSodium
import Testing

@testable import VCCore

@Suite struct CryptoVectorTests {
    let arena: SecretArena

    init() throws {
        arena = try #require(SecretArena())
    }

    private func secret(_ bytes: [UInt8]) -> SecretBytes {
        SecretBytes(copying: bytes.span.bytes, in: arena)
    }

    @Test("HKDF-SHA512 agrees with every Wycheproof case")
    func hkdf() throws {
        var checked = 0
        for group in try VectorFile.load("hkdf_sha512_wycheproof").objects("testGroups") {
            for test in try group.objects("tests") {
                guard test["result"] as? String == "valid" else { continue }
                let expected = try test.bytes("okm")
                let output = SecretBytes(count: expected.count, in: arena)
                let (salt, material, info) = (
                    try test.bytes("salt"), try test.bytes("ikm"), try test.bytes("info")
                )
                HKDF.derive(
                    salt: salt.span.bytes, keyMaterial: material.span.bytes, info: info.span.bytes,
                    into: output, arena: arena)
                let isExpected = [UInt8](output.span) == expected
                #expect(isExpected)
                checked += 1
            }
        }
        #expect(checked == 80)
        #expect(arena.slotsInUse == 0, "every intermediate secret was wiped")
    }

    @Test("CPace computes the draft's generator, shares and key")
    func cpace() throws {
        let file = try VectorFile.load("cpace_ristretto255_sha512")
        let vector = try file.object("exchange")
        let (prs, ci, sid) = (
            try vector.bytes("PRS"), try vector.bytes("CI"), try vector.bytes("sid")
        )
        let generator = CPace.generator(
            secret: prs.span.bytes, channel: ci.span.bytes, session: sid.span.bytes, arena: arena)
        let isDraftGenerator = [UInt8](generator.span) == (try vector.bytes("g"))
        #expect(isDraftGenerator)

        let first = try CPace.Party(
            scalar: secret(try vector.bytes("ya")), secret: prs.span.bytes, channel: ci.span.bytes,
            session: sid.span.bytes, arena: arena)
        let second = try CPace.Party(
            scalar: secret(try vector.bytes("yb")), secret: prs.span.bytes, channel: ci.span.bytes,
            session: sid.span.bytes, arena: arena)
        #expect(first.share.withBytes { [UInt8]($0) } == (try vector.bytes("Ya")))
        #expect(second.share.withBytes { [UInt8]($0) } == (try vector.bytes("Yb")))

        let initiator = (
            share: first.share, data: CPace.PublicKeyData(raw: try vector.bytes("ADa"))
        )
        let responder = (
            share: second.share, data: CPace.PublicKeyData(raw: try vector.bytes("ADb"))
        )
        let one = try first.agree(
            with: second.share, session: sid.span.bytes, initiator: initiator, responder: responder,
            arena: arena)
        let other = try second.agree(
            with: first.share, session: sid.span.bytes, initiator: initiator, responder: responder,
            arena: arena)
        let isInitiatorKey = [UInt8](one.span) == (try vector.bytes("ISK_IR"))
        #expect(isInitiatorKey)
        let isResponderKey = [UInt8](other.span) == (try vector.bytes("ISK_IR"))
        #expect(isResponderKey)
    }

    @Test("CPace refuses the draft's invalid points and every bad ristretto255 encoding")
    func invalidPoints() throws {
        var bad = try #require(
            try VectorFile.load("ristretto255")["bad_encodings"] as? [String]
        ).map { [UInt8](hex: $0) }
        bad.append([UInt8](repeating: 0, count: 32))  // the neutral element
        let mult = try VectorFile.load("cpace_ristretto255_sha512").object("scalar_mult_vfy")
        for entry in try #require(mult["invalid"] as? [Any]) {
            if let text = entry as? String { bad.append([UInt8](hex: text)) }
            if let object = entry as? [String: Any] {
                for case let text as String in object.values where text.count == 64 {
                    bad.append([UInt8](hex: text))
                }
            }
        }
        var random = AnyRandomSource(SplitMix64(seed: 1))
        var refused = 0
        for encoding in bad {
            let session = [UInt8](repeating: 7, count: 16)
            let party = try CPace.Party(
                secret: session.span.bytes, channel: session.span.bytes,
                session: session.span.bytes, random: &random, arena: arena)
            var reader = ByteReader(encoding.span.bytes)
            let share = try CPace.Share(from: &reader)
            let data = CPace.PublicKeyData(raw: [])
            do {
                _ = try party.agree(
                    with: share, session: session.span.bytes, initiator: (party.share, data),
                    responder: (share, data), arena: arena)
            } catch {
                #expect(error == .invalidPoint)
                refused += 1
            }
        }
        #expect(bad.count >= 31)
        #expect(refused >= 30)
        #expect(arena.slotsInUse == 0)
    }

    @Test("Noise KKpsk0 produces cacophony's messages, hash and transport keys")
    func noise() throws {
        let vectors = try VectorFile.load("noise_recommended").objects("vectors")
        let vector = try #require(
            vectors.first {
                $0["protocol_name"] as? String == "Noise_KKpsk0_25519_ChaChaPoly_SHA512"
            })
        let psk = [UInt8](hex: try #require((vector["init_psks"] as? [String])?.first))
        let prologue = try vector.bytes("init_prologue")
        let one = KeyPair(secret: secret(try vector.bytes("init_static")))
        let two = KeyPair(secret: secret(try vector.bytes("resp_static")))
        var initiator = NoiseKKpsk0(
            role: .initiator, prologue: prologue.span.bytes, preSharedKey: psk.span.bytes,
            local: one.publicKey, remote: two.publicKey, arena: arena)
        var responder = NoiseKKpsk0(
            role: .responder, prologue: prologue.span.bytes, preSharedKey: psk.span.bytes,
            local: two.publicKey, remote: one.publicKey, arena: arena)
        let messages = try vector.objects("messages")

        let first = try write(
            &initiator, messages[0], local: one, ephemeral: try vector.bytes("init_ephemeral"))
        let opened = try responder.readMessage(first.span.bytes, local: two)
        let isFirstPayload = [UInt8](opened.span) == (try messages[0].bytes("payload"))
        #expect(isFirstPayload)
        let second = try write(
            &responder, messages[1], local: two, ephemeral: try vector.bytes("resp_ephemeral"))
        let answered = try initiator.readMessage(second.span.bytes, local: one)
        let isSecondPayload = [UInt8](answered.span) == (try messages[1].bytes("payload"))
        #expect(isSecondPayload)

        let left = initiator.finish()
        let right = responder.finish()
        let hash = left.transcript.withBytes { [UInt8]($0) }
        #expect(hash == (try vector.bytes("handshake_hash")))
        let hasSameTranscript = left.transcript == right.transcript
        #expect(hasSameTranscript)
        let keys = try #require(vector["verified_split_k1_k2"] as? [String])
        let isInitiatorTransportKey = [UInt8](left.sendKey.span) == [UInt8](hex: keys[0])
        #expect(isInitiatorTransportKey)
        let isResponderTransportKey = [UInt8](left.receiveKey.span) == [UInt8](hex: keys[1])
        #expect(isResponderTransportKey)
        let responderSealsWhatInitiatorOpens = right.sendKey.isEqual(to: left.receiveKey.span)
        #expect(responderSealsWhatInitiatorOpens)
        let responderOpensWhatInitiatorSeals = right.receiveKey.isEqual(to: left.sendKey.span)
        #expect(responderOpensWhatInitiatorSeals)
        let hasSamePairKey = right.pairKey.isEqual(to: left.pairKey.span)
        #expect(hasSamePairKey)
        let pairKeyIsItsOwn = !right.pairKey.isEqual(to: left.sendKey.span)
        #expect(pairKeyIsItsOwn)
    }

    @Test("of a Noise message without payload each bit is checked: it proves who wrote it")
    func noiseBits() throws {
        let prologue: [UInt8] = [1, 2, 3]
        let psk = [UInt8](repeating: 7, count: 32)
        var random = AnyRandomSource(SplitMix64(seed: 5))
        let one = KeyPair(random: &random, arena: arena)
        let two = KeyPair(random: &random, arena: arena)
        let size = NoiseKKpsk0.overhead
        for bit in -1..<size * 8 {
            var initiator = NoiseKKpsk0(
                role: .initiator, prologue: prologue.span.bytes, preSharedKey: psk.span.bytes,
                local: one.publicKey, remote: two.publicKey, arena: arena)
            var responder = NoiseKKpsk0(
                role: .responder, prologue: prologue.span.bytes, preSharedKey: psk.span.bytes,
                local: two.publicKey, remote: one.publicKey, arena: arena)
            let message = [UInt8](capacity: size) { writer in
                do throws(HandshakeError) {
                    try initiator.writeMessage(
                        payload: [UInt8]().span.bytes, local: one, random: &random, into: &writer)
                } catch {
                    Issue.record(error)
                }
            }
            try #require(message.count == size)
            let changed = bit < 0 ? message : message.flipping(bit: bit)
            var isRefused = false
            do throws(HandshakeError) {
                _ = try responder.readMessage(changed.span.bytes, local: two)
            } catch {
                isRefused = true
            }
            // The first one is as it was written.
            #expect(isRefused == (bit >= 0), "bit \(bit)")
        }
    }

    private func write(
        _ noise: inout NoiseKKpsk0, _ message: [String: Any], local: borrowing KeyPair,
        ephemeral: [UInt8]
    ) throws -> [UInt8] {
        let payload = try message.bytes("payload")
        let buffer = SecretBytes(count: payload.count + NoiseKKpsk0.overhead, in: arena)
        var random = AnyRandomSource(FixedBytes(bytes: ephemeral))
        var failure: HandshakeError?
        _ = buffer.write { writer in
            do throws(HandshakeError) {
                try noise.writeMessage(
                    payload: payload.span.bytes, local: local, random: &random, into: &writer)
            } catch {
                failure = error
            }
        }
        #expect(failure == nil)
        let written = [UInt8](buffer.span)
        #expect(written == (try message.bytes("ciphertext")))
        return written
    }
}
