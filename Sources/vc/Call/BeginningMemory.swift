internal import CVCLinux

/// Lets go of the memory that only a beginning takes: the code that reads options, that shakes
/// hands, that opens devices and libraries. Pages of code are shared with the page cache, which
/// has them again within a microsecond if they are needed after all; but while they are mapped
/// they count as this process's, and they are most of what it has.
struct BeginningMemory {
    /// Ticks without a change after which a beginning is over: between one and one and a half
    /// seconds. Until then the audio threads have been through everything they do.
    private static let patience = 3

    private var ticksLeft = BeginningMemory.patience

    /// Somebody came: there were handshakes, and another stream begins.
    mutating func begin() { ticksLeft = Self.patience }

    /// To be called at each tick of a call in which somebody is. Returns whether it let go.
    @discardableResult
    mutating func tick(release: () -> Void = vc_release_startup_pages) -> Bool {
        guard ticksLeft > 0 else { return false }
        ticksLeft -= 1
        guard ticksLeft == 0 else { return false }
        release()
        return true
    }
}
