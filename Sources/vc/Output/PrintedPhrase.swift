internal import VCCore
internal import VCNet

/// A phrase that was made, shown once: to people with the line that their friends paste, to programs
/// as the event `phrase`. It goes straight into memory that is wiped.
enum PrintedPhrase {
    /// The most bytes in any form.
    private static let longest = 2 * TunePhrase.longestMade + 2 * ServerName.longestText + 256

    static func show(
        _ phrase: borrowing TunePhrase, server: ServerName, form: OutputForm, at seconds: Double
    ) {
        _ = withWipedText(capacity: longest) { writer in
            switch form {
            case .plain: writePlain(phrase, server, into: &writer)
            case .json: writeJSON(phrase, server, at: seconds, into: &writer)
            }
        } use: { bytes in
            StandardStream.output.write(bytes)
        }
    }

    static func writePlain(
        _ phrase: borrowing TunePhrase, _ server: ServerName, into writer: inout ByteWriter
    ) {
        writer.write(text: "The phrase is\n\n    ")
        phrase.writeDashed(into: &writer)
        writer.write(text: "\n\nYour friends paste\n\n    vc tune ")
        phrase.writeDashed(into: &writer)
        writer.write(text: " --signal ")
        for byte in server.description.utf8 { writer.write(byte) }
        writer.write(text: "\n\n")
    }

    static func writeJSON(
        _ phrase: borrowing TunePhrase, _ server: ServerName, at seconds: Double,
        into writer: inout ByteWriter
    ) {
        // None of the bytes of a made phrase has to be escaped.
        writer.write(text: "{\"event\":\"phrase\",\"t\":")
        for byte in (fixedDecimal(seconds, decimals: 3) ?? "null").utf8 { writer.write(byte) }
        writer.write(text: ",\"phrase\":\"")
        phrase.writeDashed(into: &writer)
        writer.write(text: "\",\"server\":")
        for byte in jsonString(server.description).utf8 { writer.write(byte) }
        writer.write(text: "}\n")
    }
}
