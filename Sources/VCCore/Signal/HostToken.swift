/// The secret that a vc-signal asks for before it opens a room. Of what the operator wrote down
/// only a key is kept, and on the wire goes a proof that holds for one claim from one address.
public final class HostToken: Sendable {
    /// How long a token may be, in bytes. Shorter ones can be guessed, because proofs can be read
    /// on the wire.
    public static let sizes = 16...256

    private let key: SecretBytes

    /// - Parameter token: 16 to 256 bytes; the caller wipes them.
    public init?(_ token: RawSpan, in arena: SecretArena) {
        guard HostToken.sizes.contains(token.byteCount) else { return nil }
        let key = SecretBytes(count: 32, in: arena)
        HKDF.derive(
            salt: "vc1 host token", keyMaterial: token, info: RawSpan(), into: key, arena: arena)
        self.key = key
    }

    /// What CLAIM carries. The cookie binds it to an address and a time, the claim token to one
    /// lease.
    ///
    /// - Parameter claimToken: 32 bytes.
    public func proof(cookie: Block16, roomID: Block16, claimToken: RawSpan) -> Block16 {
        precondition(
            claimToken.byteCount == SignalFormat.claimTokenSize, "a claim token has 32 bytes")
        var storage = InlineArray<96, UInt8>(repeating: 0)
        var bytes = storage.mutableSpan
        var writer = unsafe ByteWriter(bytes.mutableBytes)
        writer.write(field: "vc1 host")
        writer.write(UInt16(Block16.encodedSize))
        cookie.encode(into: &writer)
        writer.write(UInt16(Block16.encodedSize))
        roomID.encode(into: &writer)
        writer.write(field: claimToken)
        let size = writer.count
        let mac = unsafe MAC(of: storage.span.bytes.extracting(0..<size), key: key)
        return mac.block
    }

    /// Whether `proof` is the one for this claim, in a time that does not depend on where it
    /// differs.
    public func accepts(
        _ proof: Block16, cookie: Block16, roomID: Block16, claimToken: RawSpan
    ) -> Bool {
        self.proof(cookie: cookie, roomID: roomID, claimToken: claimToken).matches(proof)
    }
}
