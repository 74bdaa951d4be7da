/// How long a test waits for what the kernel or another thread will do at once, given the time to:
/// on a machine with much other work that is not at once. Only what never happens takes so long.
public let testPatience = Duration.seconds(60)
