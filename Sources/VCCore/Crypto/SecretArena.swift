internal import CSodium
private import Synchronization

/// The one piece of memory that holds every secret of a process: between guard pages, kept out of
/// swap and core dumps (`sodium_malloc`, `sodium_mlock`), and wiped piece by piece on release.
///
/// Made once at start and handed to the machines. Its lock is taken when a secret is made or
/// released, never per packet.
@safe public final class SecretArena: Sendable {
    /// Bytes of one slot: two keys, or one SHA-512 value.
    static let slotSize = 64
    /// 128 KiB: 16 members with three sessions each and a handshake under way, 32 open joins and
    /// their payloads use less than a third. RLIMIT_MEMLOCK is 8 MiB on Debian.
    public static let usualSlotCount = 2_048

    private nonisolated(unsafe) let base: UnsafeMutableRawPointer
    private let used: Mutex<[UInt64]>
    private let slotCount: Int
    /// Whether the kernel keeps the arena out of swap. False only where RLIMIT_MEMLOCK forbids it.
    public let isLocked: Bool

    /// Nil where libsodium cannot start or there is no memory.
    ///
    /// - Parameter slotCount: rounded up to a multiple of 64; more than usual where several members
    ///   live in one process.
    public init?(slotCount: Int = usualSlotCount) {
        let words = (slotCount + 63) / 64
        used = Mutex(Array(repeating: 0, count: words))
        self.slotCount = words * 64
        let size = SecretArena.slotSize * words * 64
        guard sodium_init() >= 0, let memory = unsafe sodium_malloc(size) else { return nil }
        unsafe base = unsafe memory
        isLocked = unsafe sodium_mlock(memory, size) == 0
        unsafe sodium_memzero(memory, size)
    }

    deinit {
        unsafe sodium_free(base)
    }

    /// How many slots hold a secret now. Zero after everything was released.
    public var slotsInUse: Int {
        used.withLock { words in words.reduce(0) { $0 + $1.nonzeroBitCount } }
    }

    fileprivate func allocate(_ count: Int) -> UnsafeMutableRawPointer {
        let slots = SecretArena.slots(for: count)
        let first = used.withLock { words -> Int? in
            var run = 0
            var next = words.firstIndex { $0 != .max }.map { $0 * 64 } ?? slotCount
            while next < slotCount {
                let slot = next
                next += 1
                run = words[slot / 64] & (1 << UInt64(slot % 64)) == 0 ? run + 1 : 0
                guard run == slots else { continue }
                for taken in (slot - slots + 1)...slot {
                    words[taken / 64] |= 1 << UInt64(taken % 64)
                }
                return slot - slots + 1
            }
            return nil
        }
        guard let first else { preconditionFailure("the secret arena is full: a limit is wrong") }
        return unsafe base + first * SecretArena.slotSize
    }

    fileprivate func release(_ address: UnsafeMutableRawPointer, _ count: Int) {
        let slots = SecretArena.slots(for: count)
        unsafe sodium_memzero(address, slots * SecretArena.slotSize)
        let first = unsafe (address - base) / SecretArena.slotSize
        used.withLock { words in
            for slot in first..<first + slots {
                words[slot / 64] &= ~(1 << UInt64(slot % 64))
            }
        }
    }

    private static func slots(for count: Int) -> Int {
        max(1, (count + slotSize - 1) / slotSize)
    }
}

/// A secret of fixed length in the arena. It cannot be copied, and is wiped when it goes.
@safe public struct SecretBytes: ~Copyable, @unchecked Sendable {
    private let arena: SecretArena
    private let address: UnsafeMutableRawPointer
    /// Length in bytes.
    public let count: Int

    /// `count` zero bytes.
    public init(count: Int, in arena: SecretArena) {
        self.arena = arena
        self.count = count
        unsafe address = arena.allocate(count)
    }

    /// A copy of `bytes`, whose original the caller wipes if it was secret.
    public init(copying bytes: RawSpan, in arena: SecretArena) {
        self.init(count: bytes.byteCount, in: arena)
        unsafe bytes.withUnsafeBytes { unsafe mutableBytes.copyMemory(from: $0) }
    }

    /// `count` bytes of randomness.
    public init(random source: inout AnyRandomSource, count: Int, in arena: SecretArena) {
        self.init(count: count, in: arena)
        unsafe source.fill(mutableBytes)
    }

    deinit {
        unsafe arena.release(address, count)
    }

    /// The memory itself, for C calls; valid while this value lives.
    @unsafe public var mutableBytes: UnsafeMutableRawBufferPointer {
        unsafe UnsafeMutableRawBufferPointer(start: address, count: count)
    }

    /// The bytes as C's `unsigned char *`; valid while this value lives.
    @unsafe var pointer: UnsafeMutablePointer<UInt8> {
        unsafe address.assumingMemoryBound(to: UInt8.self)
    }

    /// The bytes, for reading.
    public var span: RawSpan {
        @_lifetime(borrow self) get {
            let view = unsafe RawSpan(_unsafeStart: address, byteCount: count)
            return unsafe _overrideLifetime(view, borrowing: self)
        }
    }

    /// Writes fields from the start; returns how many bytes they take. A precondition holds them
    /// to the length: what is written here is sized by us.
    func write(_ body: (inout ByteWriter) -> Void) -> Int {
        var writer = unsafe ByteWriter(MutableRawSpan(_unsafeBytes: mutableBytes))
        body(&writer)
        precondition(!writer.overflowed, "a secret does not fit its memory")
        return writer.count
    }

    /// Writes the bytes into memory that the caller wipes or seals.
    func encode(into writer: inout ByteWriter) {
        writer.write(bytes: span)
    }

    /// Overwrites all bytes with `bytes`, which has the same length.
    func replace(with bytes: RawSpan) {
        precondition(bytes.byteCount == count)
        unsafe bytes.withUnsafeBytes { unsafe mutableBytes.copyMemory(from: $0) }
    }

    /// A copy of the first `size` bytes.
    func prefix(_ size: Int, in arena: SecretArena) -> SecretBytes {
        SecretBytes(copying: span.extracting(0..<size), in: arena)
    }

    /// Another copy in the same arena.
    public func duplicate() -> SecretBytes {
        SecretBytes(copying: span, in: arena)
    }

    /// Whether the two hold the same bytes, in time that does not depend on where they differ.
    public func isEqual(to other: RawSpan) -> Bool {
        guard other.byteCount == count else { return false }
        return unsafe other.withUnsafeBytes {
            unsafe sodium_memcmp(address, $0.baseAddress!, count) == 0
        }
    }
}
