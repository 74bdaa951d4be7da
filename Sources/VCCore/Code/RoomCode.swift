/// What one member gives another: `7-word-word-word@host:port`. The nameplate is public and finds
/// the room at the signaling server; the words are the secret that the PAKE proves.
public struct RoomCode: ~Copyable, Sendable {
    /// The room's public number at its signaling server, 1 to 999,999.
    public let nameplate: UInt32
    /// The secret.
    public let words: CodeWords
    /// Where the room's signaling server is; nil when the code does not say.
    public let server: ServerName?

    public init(nameplate: UInt32, words: consuming CodeWords, server: ServerName? = nil) {
        precondition(Self.nameplates.contains(nameplate), "a nameplate has 1 to 6 digits")
        self.nameplate = nameplate
        self.words = words
        self.server = server
    }

    /// A code of the given nameplate with words drawn from `source`.
    public static func random(
        nameplate: UInt32, server: ServerName? = nil, using source: inout some RandomSource,
        in arena: SecretArena
    ) -> RoomCode {
        RoomCode(
            nameplate: nameplate, words: CodeWords(using: &source, in: arena), server: server)
    }

    /// The same code in memory of its own.
    public func duplicate() -> RoomCode {
        RoomCode(nameplate: nameplate, words: words.duplicate(), server: server)
    }

    /// Writes the code as it is shown: `7-word-word-word`, then `@host[:port]` if there is a
    /// server. The caller wipes what it gave.
    public func write(into writer: inout ByteWriter) {
        writer.write(decimal: nameplate)
        writer.write(UInt8(ascii: "-"))
        words.write(into: &writer)
        if let server {
            writer.write(UInt8(ascii: "@"))
            for byte in server.description.utf8 { writer.write(byte) }
        }
    }

    /// Every nameplate there can be: 1 to 6 digits.
    public static let nameplates: ClosedRange<UInt32> = 1...999_999
    /// The most bytes `write` writes.
    public static let longestText = 6 + 1 + CodeWords.longestText + 1 + ServerName.longestText
    /// The most bytes a typed code may have: what is longer was pasted by mistake.
    public static let longestInput = 1_024
}

/// Why a typed code was not understood. Found before anything is sent, so it costs no guess.
public enum RoomCodeError: Error, Equatable {
    /// Nothing was typed.
    case empty
    /// Longer than any code.
    case tooLong
    /// The code does not begin with a number of 1 to 6 digits.
    case nameplate
    /// There are `found` words and not three.
    case wordCount(found: Int)
    /// The word at `position` (1 to 3) is not on the list; `nearest` is the word that looks most
    /// like it. The number, not the text: it is probably a part of the secret.
    case unknownWord(position: Int, nearest: UInt16)
    /// What follows the `@` is not a host name or address with an optional port.
    case server
}

extension RoomCodeError {
    /// The most bytes `write` writes.
    public static let longestText = 160

    /// Writes the sentence for the person who typed the code. The caller wipes what it gave.
    public func write(into writer: inout ByteWriter) {
        switch self {
        case .empty:
            writer.write(text: "no room code was given; it looks like 7-word-word-word")
        case .tooLong:
            writer.write(
                text: "this is too long for a room code, which looks like 7-word-word-word")
        case .nameplate:
            writer.write(
                text: "a room code begins with a number of 1 to 6 digits, as in 7-word-word-word")
        case .wordCount(let found):
            writer.write(text: "a room code has three words after its number, this one has ")
            writer.write(decimal: UInt32(clamping: found))
        case .unknownWord(let position, let nearest):
            writer.write(text: "word ")
            writer.write(decimal: UInt32(clamping: position))
            writer.write(text: " of the code is not on the list; the nearest is \"")
            WordList.write(nearest, into: &writer)
            writer.write(text: "\"")
        case .server:
            writer.write(
                text:
                    "after the @ of a room code stands a server, as in @example.org:4460"
            )
        }
    }
}
