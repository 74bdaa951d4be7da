import Testing

/// Whole programs, as somebody starts them: real processes, sockets and signals. One test after the
/// other, since they watch the clock.
@Suite("Real processes", .serialized)
struct ProcessTests {}
