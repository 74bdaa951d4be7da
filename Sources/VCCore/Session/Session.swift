/// One pair of transport keys between two members, in both directions, from one handshake.
struct Session: ~Copyable {
    /// No key seals or opens at this age (WireGuard's REJECT_AFTER_TIME).
    static let lifetime = Duration.seconds(180)
    /// No key seals more packets than this (WireGuard's REKEY_AFTER_MESSAGES).
    static let maximumPackets: UInt64 = 1 << 60

    /// The number that the other side writes into its packets to us.
    let localIndex: UInt32
    /// The number that we write into packets to the other side.
    let remoteIndex: UInt32
    let establishedAt: Instant
    /// Whether a packet was opened: then the other side holds these keys, too.
    private(set) var isConfirmed = false
    /// Packets sealed so far; the next one's counter.
    private(set) var sealedPackets: UInt64 = 0
    private(set) var highestOpened: UInt64 = 0

    private let sendKey: SecretBytes
    private let receiveKey: SecretBytes
    private var window = ReplayWindow()

    init(
        sendKey: consuming SecretBytes, receiveKey: consuming SecretBytes, localIndex: UInt32,
        remoteIndex: UInt32, now: Instant
    ) {
        self.sendKey = sendKey
        self.receiveKey = receiveKey
        self.localIndex = localIndex
        self.remoteIndex = remoteIndex
        establishedAt = now
    }

    func isExpired(at now: Instant) -> Bool {
        now >= establishedAt + Session.lifetime || sealedPackets >= Session.maximumPackets
    }

    /// Seals the `count` bytes of plaintext that stand at `SealedPacket.headerSize` in `packet`, in
    /// place. Returns the datagram's size.
    @unsafe mutating func seal(_ packet: UnsafeMutableRawBufferPointer, plaintext count: Int) -> Int
    {
        let header = SealedPacket.headerSize
        let size = header + count + ChaChaPoly.tagSize
        precondition(size <= packet.count)
        unsafe SealedPacket.writeHeader(
            receiverIndex: remoteIndex, counter: sealedPackets, into: packet)
        unsafe ChaChaPoly.seal(
            inPlace: UnsafeMutableRawBufferPointer(rebasing: packet[header..<size]), count: count,
            counter: sealedPackets, additional: UnsafeRawBufferPointer(rebasing: packet[..<header]),
            key: sendKey.pointer)
        sealedPackets += 1
        return size
    }

    /// Opens a sealed datagram in place. Nil when it is a replay or was not sealed by the other
    /// side: then nothing has changed. Otherwise the plaintext's size; it stands at
    /// `SealedPacket.headerSize`.
    @unsafe mutating func open(_ packet: UnsafeMutableRawBufferPointer, counter: UInt64) -> Int? {
        let header = SealedPacket.headerSize
        guard packet.count >= header + ChaChaPoly.tagSize, window.isNew(counter) else { return nil }
        let authentic = unsafe ChaChaPoly.open(
            inPlace: UnsafeMutableRawBufferPointer(rebasing: packet[header...]), counter: counter,
            additional: UnsafeRawBufferPointer(rebasing: packet[..<header]),
            key: receiveKey.pointer)
        guard authentic else { return nil }
        window.accept(counter)
        isConfirmed = true
        highestOpened = max(highestOpened, counter)
        return packet.count - header - ChaChaPoly.tagSize
    }
}

/// The clear part of a sealed packet: `C5 | receiver index 4 | counter 8`. It is AEAD data.
enum SealedPacket {
    static let headerSize = 13
    /// Bytes of plaintext that fit a datagram, also through a relay.
    static let maximumPlaintext =
        Limits.datagram - RelayFormat.dataOverhead - headerSize - ChaChaPoly.tagSize

    @unsafe static func writeHeader(
        receiverIndex: UInt32, counter: UInt64, into packet: UnsafeMutableRawBufferPointer
    ) {
        unsafe packet[0] = PacketType.sealed
        unsafe packet.storeBytes(of: receiverIndex.bigEndian, toByteOffset: 1, as: UInt32.self)
        unsafe packet.storeBytes(of: counter.bigEndian, toByteOffset: 5, as: UInt64.self)
    }

    /// The index and counter of a datagram, or nil when it is too short to be one.
    @unsafe static func readHeader(_ packet: UnsafeRawBufferPointer) -> (
        index: UInt32, counter: UInt64
    )? {
        guard packet.count >= headerSize + ChaChaPoly.tagSize else { return nil }
        let index = unsafe packet.loadUnaligned(fromByteOffset: 1, as: UInt32.self)
        let counter = unsafe packet.loadUnaligned(fromByteOffset: 5, as: UInt64.self)
        return (UInt32(bigEndian: index), UInt64(bigEndian: counter))
    }
}
