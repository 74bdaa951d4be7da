internal import VCCore

/// Makes lines of events.
protocol EventRenderer {
    /// The lines of an event, without line ends; empty when it is not shown.
    mutating func lines(for event: CallEvent, at seconds: Double) -> [OutputLine]

    /// Writes the event `code`, line ends included. It goes straight into memory that is wiped.
    ///
    /// - Parameter isOneTime: whether the code is for one guest.
    mutating func writeCode(
        _ code: borrowing RoomCode, isOneTime: Bool, at seconds: Double,
        into writer: inout ByteWriter)
}

/// One line and where it goes: results on stdout, diagnostics on stderr.
struct OutputLine: Equatable {
    enum Stream: Equatable {
        case output, diagnostics
    }

    let stream: Stream
    let text: String

    init(_ text: String, on stream: Stream = .output) {
        self.text = text
        self.stream = stream
    }
}

/// The most bytes `writeCode` writes in any form: the code twice and the text around it.
let longestCodeEvent = 2 * RoomCode.longestText + ServerName.longestText + 256
