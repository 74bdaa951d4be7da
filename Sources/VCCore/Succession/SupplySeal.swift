/// Seals what a host hands its successor a second time, under a key of the pair, before it goes
/// through their stream: what waits in buffers of either side, to be sent again or to be put in
/// order, is ciphertext, and the words of a code are never outside the arena.
///
/// The key of message n of one sender is HKDF-SHA512(salt "vc1 supply", K_pair, lv(X of the sender,
/// n)), used once, with nonce 0.
enum SupplySeal {
    /// A sealed supply: `counter 8 | ciphertext | tag 16`, as a message of the stream.
    struct Message: Equatable {
        let counter: UInt64
        let sealed: [UInt8]

        /// The longest ciphertext with its tag.
        static let maximumSize = SuccessorSupply.maximumSize + ChaChaPoly.tagSize
    }

    static func seal(
        _ secret: borrowing SecretBytes, counter: UInt64, sender: PublicKey,
        pairKey: borrowing SecretBytes, arena: SecretArena
    ) -> Message {
        let key = key(counter: counter, sender: sender, pairKey: pairKey, arena: arena)
        let work = SecretBytes(count: secret.count + ChaChaPoly.tagSize, in: arena)
        unsafe secret.span.withUnsafeBytes { unsafe work.mutableBytes.copyMemory(from: $0) }
        unsafe ChaChaPoly.seal(
            inPlace: work.mutableBytes, count: secret.count, counter: 0,
            additional: UnsafeRawBufferPointer(start: nil, count: 0), key: key.pointer)
        return Message(
            counter: counter, sealed: unsafe work.span.withUnsafeBytes { unsafe Array($0) })
    }

    /// The supply; nil if it was altered or is not of this pair and sender.
    static func open(
        _ message: Message, sender: PublicKey, pairKey: borrowing SecretBytes, arena: SecretArena
    ) -> SecretBytes? {
        let size = message.sealed.count - ChaChaPoly.tagSize
        guard size > 0, message.sealed.count <= Message.maximumSize else { return nil }
        let key = key(counter: message.counter, sender: sender, pairKey: pairKey, arena: arena)
        let work = unsafe SecretBytes(copying: message.sealed.span.bytes, in: arena)
        guard
            unsafe ChaChaPoly.open(
                inPlace: work.mutableBytes, counter: 0,
                additional: UnsafeRawBufferPointer(start: nil, count: 0), key: key.pointer)
        else { return nil }
        return work.prefix(size, in: arena)
    }

    private static func key(
        counter: UInt64, sender: PublicKey, pairKey: borrowing SecretBytes, arena: SecretArena
    ) -> SecretBytes {
        let output = SecretBytes(count: ChaChaPoly.keySize, in: arena)
        let info = [UInt8](capacity: 2 + PublicKey.size + 2 + 8) { writer in
            writer.write(UInt16(PublicKey.size))
            sender.encode(into: &writer)
            writer.write(UInt16(8))
            writer.write(counter)
        }
        unsafe HKDF.derive(
            salt: "vc1 supply", keyMaterial: pairKey.span, info: info.span.bytes, into: output,
            arena: arena)
        return output
    }
}
