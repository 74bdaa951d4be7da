internal import CVCLinux

/// What a process with secrets does first.
public enum CoreDumps {
    /// From here on the process leaves no core file, and no other process of its user reads its
    /// memory.
    public static func forbid() {
        _ = vc_forbid_core_dumps()
    }
}
