extension RoomCode {
    /// Reads a code as people type, paste and dictate it: any case; spaces or any dash between
    /// the parts; quotes around it; four letters of a word suffice; `vc join` in front, as the
    /// line to paste has it. No part of it becomes a String but the server's name.
    public init(parsing input: RawSpan, in arena: SecretArena) throws(RoomCodeError) {
        guard input.byteCount <= Self.longestInput else { throw .tooLong }
        let text = trimmed(input)
        guard text.byteCount > 0 else { throw .empty }
        let (secret, server) = try splitServer(text)

        var parts = CodeParts(secret)
        guard let first = parts.next(), let nameplate = decimal(secret.extracting(first)) else {
            throw .nameplate
        }
        var count = 0
        while parts.next() != nil { count += 1 }
        guard count == CodeWords.count else { throw .wordCount(found: count) }

        let words = CodeWords(in: arena)
        parts = CodeParts(secret)
        _ = parts.next()
        for position in 0..<CodeWords.count {
            guard let range = parts.next() else { throw .wordCount(found: position) }
            let typed = secret.extracting(range)
            guard let index = WordList.index(of: typed) else {
                throw .unknownWord(position: position + 1, nearest: WordList.nearest(to: typed))
            }
            words.set(index, at: position)
        }
        self.init(nameplate: nameplate, words: words, server: server)
    }
}

/// The parts of a code: what stands between runs of white space and dashes.
private struct CodeParts: ~Escapable {
    private let bytes: RawSpan
    private var offset = 0

    @_lifetime(copy bytes)
    init(_ bytes: RawSpan) {
        self.bytes = bytes
    }

    mutating func next() -> Range<Int>? {
        while offset < bytes.byteCount {
            let scalar = Scalar(bytes, at: offset)
            guard scalar.isSpace || scalar.isDash else { break }
            offset += scalar.size
        }
        let start = offset
        while offset < bytes.byteCount {
            let scalar = Scalar(bytes, at: offset)
            if scalar.isSpace || scalar.isDash { break }
            offset += scalar.size
        }
        return start < offset ? start..<offset : nil
    }
}

/// One character of the typed text. Bytes that are not UTF-8 stand for themselves, so that every
/// input is read to its end; they match nothing.
private struct Scalar {
    let value: UInt32
    let size: Int

    init(_ bytes: RawSpan, at offset: Int) {
        func byte(_ index: Int) -> UInt32 {
            guard index < bytes.byteCount else { return 0 }
            return UInt32(unsafe bytes.unsafeLoad(fromByteOffset: index, as: UInt8.self))
        }
        func continues(_ index: Int) -> Bool { byte(index) & 0xC0 == 0x80 }
        let first = byte(offset)
        if first & 0xE0 == 0xC0, continues(offset + 1) {
            value = (first & 0x1F) << 6 | byte(offset + 1) & 0x3F
            size = 2
        } else if first & 0xF0 == 0xE0, continues(offset + 1), continues(offset + 2) {
            value =
                (first & 0x0F) << 12 | (byte(offset + 1) & 0x3F) << 6 | byte(offset + 2) & 0x3F
            size = 3
        } else {
            value = first
            size = 1
        }
    }

    /// White space, and what is invisible and comes with a paste: no-break and zero-width spaces,
    /// the byte order mark.
    var isSpace: Bool {
        switch value {
        case 0x09...0x0D, 0x20: true
        case 0xA0: size > 1
        case 0x2000...0x200B, 0x202F, 0x205F, 0x2060, 0x3000, 0xFEFF: true
        default: false
        }
    }

    /// Everything that a keyboard, a phone or an editor makes of a dash.
    var isDash: Bool {
        switch value {
        case 0x2D, 0x5F: true
        case 0xAD: size > 1
        case 0x2010...0x2015, 0x2043, 0x2212, 0x2E3A, 0x2E3B, 0xFE58, 0xFE63, 0xFF0D: true
        default: false
        }
    }

    /// Quotes of all languages, and the backtick of Markdown.
    var isQuote: Bool {
        switch value {
        case 0x22, 0x27, 0x60: true
        case 0xAB, 0xBB, 0xB4: size > 1
        case 0x2018...0x201F, 0x2039, 0x203A, 0x2032, 0x2033, 0x300C...0x300F, 0xFF02, 0xFF07: true
        default: false
        }
    }
}

/// `bytes` without white space and quotes at both ends, and without `vc join` in front.
@_lifetime(copy bytes)
private func trimmed(_ bytes: RawSpan) -> RawSpan {
    var text = trimmedOfQuotes(bytes)
    for word in ["vc", "join"] as [StaticString] {
        guard let rest = dropping(word, from: text) else { return text }
        text = rest
    }
    return trimmedOfQuotes(text)
}

@_lifetime(copy bytes)
private func trimmedOfQuotes(_ bytes: RawSpan) -> RawSpan {
    var start = bytes.byteCount
    var end = 0
    var offset = 0
    while offset < bytes.byteCount {
        let scalar = Scalar(bytes, at: offset)
        if !scalar.isSpace, !scalar.isQuote {
            start = min(start, offset)
            end = offset + scalar.size
        }
        offset += scalar.size
    }
    return bytes.extracting(min(start, end)..<end)
}

/// `bytes` after `word` and the white space behind it; nil when they do not begin so.
@_lifetime(copy bytes)
private func dropping(_ word: StaticString, from bytes: RawSpan) -> RawSpan? {
    let count = word.utf8CodeUnitCount
    guard bytes.byteCount > count, Scalar(bytes, at: count).isSpace else { return nil }
    for offset in 0..<count {
        let expected = unsafe word.utf8Start[offset]
        guard Scalar(bytes, at: offset).value | 0x20 == expected else { return nil }
    }
    var offset = count
    while offset < bytes.byteCount, Scalar(bytes, at: offset).isSpace {
        offset += Scalar(bytes, at: offset).size
    }
    return bytes.extracting(offset..<bytes.byteCount)
}

/// The part before the `@` and the server behind it, if there is one.
@_lifetime(copy bytes)
private func splitServer(_ bytes: RawSpan) throws(RoomCodeError) -> (RawSpan, ServerName?) {
    var offset = 0
    while offset < bytes.byteCount, Scalar(bytes, at: offset).value != 0x40 { offset += 1 }
    let secret = bytes.extracting(0..<offset)
    guard offset < bytes.byteCount else { return (secret, nil) }
    var host = ""
    offset += 1
    while offset < bytes.byteCount {
        let scalar = Scalar(bytes, at: offset)
        offset += scalar.size
        if scalar.isSpace, host.isEmpty { continue }
        // A chat program that made dashes of the hyphens did so in the host name too.
        let value = scalar.isDash && scalar.value != 0x5F ? 0x2D : scalar.value
        guard value < 0x80, let unicode = Unicode.Scalar(value) else { throw .server }
        host.unicodeScalars.append(unicode)
    }
    guard let server = ServerName(host) else { throw .server }
    return (secret, server)
}

private func decimal(_ bytes: RawSpan) -> UInt32? {
    guard (1...6).contains(bytes.byteCount) else { return nil }
    var value: UInt32 = 0
    for offset in bytes.byteOffsets {
        let byte = unsafe bytes.unsafeLoad(fromByteOffset: offset, as: UInt8.self)
        guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else { return nil }
        value = value * 10 + UInt32(byte - UInt8(ascii: "0"))
    }
    return RoomCode.nameplates.contains(value) ? value : nil
}
