import Testing
import VCTestKit

@testable import VCCore

@Suite struct SigningKeyTests {
    private static func key(_ seed: [UInt8]) -> SigningKey {
        SigningKey(
            seed: SecretBytes(copying: seed.span.bytes, in: TestSecrets.arena),
            arena: TestSecrets.arena)
    }

    private static func verifies(
        _ key: VerifyKey, _ signature: Signature, _ message: [UInt8]
    ) -> Bool {
        key.verifies(signature, of: message.span.bytes)
    }

    private static func bytes(_ hexadecimal: String) -> [UInt8] {
        stride(from: 0, to: hexadecimal.count, by: 2).compactMap { offset in
            let start = hexadecimal.index(hexadecimal.startIndex, offsetBy: offset)
            return UInt8(hexadecimal[start..<hexadecimal.index(start, offsetBy: 2)], radix: 16)
        }
    }

    @Test("the key and the signature are those of RFC 8032 section 7.1, test 1 and 2")
    func vectors() {
        let first = Self.key(
            Self.bytes("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"))
        #expect(
            first.verifyKey.description
                == "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")
        let empty = first.sign(RawSpan())
        #expect(
            empty.withBytes { [UInt8]($0) }
                == Self.bytes(
                    "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a3"
                        + "3bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"))
        #expect(Self.verifies(first.verifyKey, empty, []))
        let second = Self.key(
            Self.bytes("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb"))
        #expect(
            second.verifyKey.description
                == "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c")
        let message: [UInt8] = [0x72]
        let signature = second.sign(message.span.bytes)
        #expect(Self.verifies(second.verifyKey, signature, message))
        #expect(!Self.verifies(second.verifyKey, empty, message))
        #expect(!Self.verifies(first.verifyKey, signature, message))
        let other: [UInt8] = [0x73]
        #expect(!Self.verifies(second.verifyKey, signature, other))
    }

    @Test("a seed written down gives the same key again, and a key's text the same key")
    func text() throws {
        var random = AnyRandomSource(SplitMix64(seed: 1))
        let key = SigningKey(random: &random, arena: TestSecrets.arena)
        let seed = key.withSeed { [UInt8]($0) }
        #expect(seed.count == SigningKey.seedSize)
        #expect(Self.key(seed).verifyKey == key.verifyKey)
        let text = key.verifyKey.description
        #expect(VerifyKey(text) == key.verifyKey)
        #expect(VerifyKey(text.uppercased()) == key.verifyKey)
        #expect(VerifyKey(String(text.dropLast())) == nil)
        #expect(VerifyKey("g" + text.dropFirst()) == nil)
        #expect(VerifyKey("") == nil)
        let decoded = try VerifyKey(from: key.verifyKey)
        #expect(decoded == key.verifyKey)
        #expect(VerifyKey.none != key.verifyKey)
    }

    @Test("nothing verifies with no key")
    func noKey() {
        var random = AnyRandomSource(SplitMix64(seed: 2))
        let key = SigningKey(random: &random, arena: TestSecrets.arena)
        let message: [UInt8] = [1]
        let signature = key.sign(message.span.bytes)
        #expect(!Self.verifies(.none, signature, message))
    }

    @Test("a key's secret is released with it")
    func wiped() throws {
        let arena = try #require(SecretArena())
        do {
            var random = AnyRandomSource(SplitMix64(seed: 2))
            let key = SigningKey(random: &random, arena: arena)
            #expect(key.verifyKey != .none)
            #expect(arena.slotsInUse == 1)
        }
        #expect(arena.slotsInUse == 0)
    }
}

extension VerifyKey {
    /// Through its encoding.
    fileprivate init(from key: VerifyKey) throws {
        let bytes = [UInt8](capacity: VerifyKey.size) { key.encode(into: &$0) }
        var reader = ByteReader(bytes.span.bytes)
        try self.init(from: &reader)
    }
}
