internal import CSodium

/// A copy of a claim token in memory of its own that is wiped at the end.
@safe struct ClaimToken: ~Copyable {
    private let memory: UnsafeMutableRawBufferPointer

    /// - Parameter token: exactly 32 bytes.
    init(copying token: RawSpan) {
        precondition(token.byteCount == SignalFormat.claimTokenSize, "a claim token has 32 bytes")
        unsafe memory = .allocate(byteCount: token.byteCount, alignment: 16)
        unsafe token.withUnsafeBytes { unsafe memory.copyMemory(from: $0) }
    }

    /// All zeros, for who has none.
    init() {
        unsafe memory = .allocate(byteCount: SignalFormat.claimTokenSize, alignment: 16)
        unsafe memory.initializeMemory(as: UInt8.self, repeating: 0)
    }

    var bytes: RawSpan {
        @_lifetime(borrow self)
        get {
            let span = unsafe UnsafeRawBufferPointer(memory).bytes
            return unsafe _overrideLifetime(span, borrowing: self)
        }
    }

    deinit {
        unsafe sodium_memzero(memory.baseAddress, memory.count)
        unsafe memory.deallocate()
    }
}
