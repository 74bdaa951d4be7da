public import VCCore

/// The arena of tests that do not count what is in it.
public enum TestSecrets {
    /// One for the whole process: each costs a locked piece of memory.
    public static let arena: SecretArena = {
        guard let arena = SecretArena() else { preconditionFailure("no memory for an arena") }
        return arena
    }()
}
