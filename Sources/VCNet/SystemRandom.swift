internal import CVCLinux
public import VCCore

/// The kernel's generator.
public struct SystemRandom: RandomSource {
    public init() {}

    public mutating func fill(_ bytes: UnsafeMutableRawBufferPointer) {
        guard let base = bytes.baseAddress, unsafe !bytes.isEmpty else { return }
        // Fails only on a kernel without getrandom (before 3.17). Going on with predictable bytes
        // would give every secret away.
        precondition(
            unsafe vc_getrandom(base, bytes.count) == 0, "the kernel has no random generator")
    }
}
