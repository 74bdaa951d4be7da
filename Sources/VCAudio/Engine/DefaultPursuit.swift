/// Who still has to go where the default device has gone, and when that is tried again: at once,
/// half a second later, then at twice the time, up to eight seconds. It ends when it could be
/// opened, when a person has chosen another device, or when the default moves again, which begins
/// another one.
struct DefaultPursuit {
    private static let distance: UInt64 = 500_000_000
    private static let longest: UInt64 = 8_000_000_000

    var capture: Bool
    var playback: Bool
    var schedule: ReopenSchedule

    /// - Parameter now: nanoseconds.
    init(capture: Bool, playback: Bool, at now: UInt64) {
        self.capture = capture
        self.playback = playback
        schedule = ReopenSchedule(due: now, distance: Self.distance, longest: Self.longest)
    }

    var isOver: Bool { !capture && !playback }
}
