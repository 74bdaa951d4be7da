internal import VCCore
internal import VCNet

extension EventRenderer {
    /// Writes the event `code` to stdout through memory that is wiped.
    @discardableResult
    mutating func printCode(
        _ code: borrowing RoomCode, isOneTime: Bool, at seconds: Double, on stream: StandardStream
    ) -> Bool {
        withWipedText(capacity: longestCodeEvent) { writer in
            writeCode(code, isOneTime: isOneTime, at: seconds, into: &writer)
        } use: { bytes in
            stream.write(bytes)
        }
    }
}
