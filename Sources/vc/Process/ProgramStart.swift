internal import CVCLinux
internal import Glibc

/// Starts programs beside this one.
enum ProgramStart {
    /// Calls `body` with what posix_spawn(3) takes: no signal blocked, and those that we ignore do
    /// what they usually do.
    ///
    /// - Parameter inOwnGroup: whether a signal from the terminal is not meant for the program.
    @unsafe static func withAttributes<Result>(
        inOwnGroup: Bool, _ body: (inout posix_spawnattr_t) -> Result
    ) -> Result {
        var attributes = posix_spawnattr_t()
        unsafe posix_spawnattr_init(&attributes)
        defer { unsafe posix_spawnattr_destroy(&attributes) }
        var signals = sigset_t()
        unsafe sigemptyset(&signals)
        unsafe posix_spawnattr_setsigmask(&attributes, &signals)
        for signal in [SIGPIPE, SIGXFSZ] { unsafe sigaddset(&signals, signal) }
        unsafe posix_spawnattr_setsigdefault(&attributes, &signals)
        unsafe posix_spawnattr_setpgroup(&attributes, 0)
        let group = inOwnGroup ? POSIX_SPAWN_SETPGROUP : 0
        let flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | group
        unsafe posix_spawnattr_setflags(&attributes, Int16(flags))
        return body(&attributes)
    }

    /// Calls `body` with `strings` as C has them: null-terminated, in a null-terminated array.
    ///
    /// - Parameter others: what C has already, behind them.
    @unsafe static func withCStrings<Result>(
        _ strings: [String], and others: [UnsafeMutablePointer<CChar>] = unsafe [],
        _ body: ([UnsafeMutablePointer<CChar>?]) -> Result
    ) -> Result {
        let own: [UnsafeMutablePointer<CChar>?] = unsafe strings.map { unsafe strdup($0) }
        defer { unsafe own.forEach { unsafe free($0) } }
        return unsafe body(own + others + [nil])
    }
}
