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

extension RoomCode {
    /// The event `code` for the program of `--exec`: without the code, which is a secret.
    func hookEvent(isOneTime: Bool, at seconds: Double) -> JSONObject {
        var object = JSONObject()
        object.add("event", "code")
        object.add("t", seconds, decimals: 3)
        object.add("nameplate", nameplate)
        object.add("server", server?.description)
        if isOneTime { object.add("once", true) }
        return object
    }
}
