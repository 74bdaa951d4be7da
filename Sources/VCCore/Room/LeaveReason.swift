/// What a `leave` says, in its one byte.
enum LeaveReason: UInt8 {
    /// The sender goes.
    case leaves = 0
    /// The host closes the room for all.
    case ends = 1
    /// The host removes the receiver.
    case removes = 2
}
