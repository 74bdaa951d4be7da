internal import VCCore

/// Memory for one datagram.
@safe struct DatagramScratch: ~Copyable {
    let memory: UnsafeMutableRawBufferPointer

    init() {
        unsafe memory = .allocate(byteCount: Limits.datagram, alignment: 16)
        unsafe memory.initializeMemory(as: UInt8.self, repeating: 0)
    }

    /// A copy of a datagram, until the next one; of a longer one, its beginning.
    func copy(_ bytes: UnsafeMutableRawBufferPointer) -> UnsafeMutableRawBufferPointer {
        let count = unsafe min(bytes.count, memory.count)
        let copy = unsafe UnsafeMutableRawBufferPointer(rebasing: memory[..<count])
        unsafe copy.copyMemory(
            from: UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(bytes)[..<count]))
        return unsafe copy
    }

    deinit {
        unsafe memory.deallocate()
    }
}
