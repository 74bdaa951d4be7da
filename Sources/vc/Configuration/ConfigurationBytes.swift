internal import Glibc
internal import VCNet

/// The bytes of a configuration file, which may have secrets among them: they are wiped.
final class ConfigurationBytes {
    private var bytes: [UInt8]
    /// How many there are; one more than the longest file when it is longer.
    let count: Int
    let owner: uid_t
    let mode: mode_t

    init(of path: String) throws(SystemError) {
        let number =
            try attempt("open") { unsafe open(path, O_RDONLY | O_CLOEXEC) } ?? -1
        let file = FileDescriptor(number)
        var status = stat()
        _ = try attempt("stat") { unsafe fstat(number, &status) }
        guard status.st_mode & S_IFMT != S_IFDIR else {
            throw SystemError(code: EISDIR, call: "open")
        }
        // Never grown, so that no copy stays behind.
        var bytes = [UInt8](repeating: 0, count: ConfigurationFile.longest + 1)
        var count = 0
        while count < bytes.count {
            let rest = bytes.count - count
            let received =
                try attempt("read") {
                    unsafe bytes.withUnsafeMutableBytes { buffer in
                        unsafe read(number, buffer.baseAddress.map { unsafe $0 + count }, rest)
                    }
                } ?? 0
            guard received > 0 else { break }
            count += received
        }
        _ = consume file
        self.bytes = bytes
        self.count = count
        owner = status.st_uid
        // What is no file of its own, such as /dev/null, is changed by nobody.
        mode = status.st_mode & S_IFMT == S_IFREG ? status.st_mode & 0o777 : 0
    }

    deinit {
        unsafe bytes.withUnsafeMutableBytes { buffer in
            if let start = buffer.baseAddress { unsafe explicit_bzero(start, buffer.count) }
        }
    }

    subscript(place: Int) -> UInt8 { bytes[place] }

    /// The lines: where each begins and ends, without its line end.
    var lines: [Range<Int>] {
        var lines: [Range<Int>] = []
        // A byte order mark, as some editors write it.
        var start = count >= 3 && bytes[..<3].elementsEqual([0xEF, 0xBB, 0xBF]) ? 3 : 0
        for place in start..<max(start, count) where bytes[place] == UInt8(ascii: "\n") {
            lines.append(start..<place)
            start = place + 1
        }
        if start < count { lines.append(start..<count) }
        return lines
    }

    /// `range` without the blanks at its ends.
    func trimmed(_ range: Range<Int>) -> Range<Int> {
        var (start, end) = (range.lowerBound, range.upperBound)
        while start < end, bytes[start] <= 0x20 { start += 1 }
        while end > start, bytes[end - 1] <= 0x20 { end -= 1 }
        return start..<end
    }

    /// The secret that a line sets, and where its value stands.
    func secret(in line: Range<Int>) -> (secret: SecretSetting, value: Range<Int>)? {
        let line = trimmed(line)
        guard
            let separator = line.first(where: {
                bytes[$0] == UInt8(ascii: "=") || bytes[$0] == UInt8(ascii: ":")
            })
        else { return nil }
        let name = trimmed(line.lowerBound..<separator)
        guard
            let secret = SecretSetting.allCases.first(where: {
                bytes[name].elementsEqual($0.rawValue.utf8)
            })
        else { return nil }
        // As the parser has it: a comment is a semicolon behind a blank.
        let end = (separator + 1..<line.upperBound).first {
            bytes[$0] == UInt8(ascii: ";") && bytes[$0 - 1] <= 0x20
        }
        return (secret, trimmed(separator + 1..<(end ?? line.upperBound)))
    }

    /// Whether a line is text.
    func isText(_ line: Range<Int>) -> Bool {
        !bytes[line].contains(0) && String(validating: bytes[line], as: UTF8.self) != nil
    }
}

/// Where a secret stands in a configuration file. Never the secret itself.
struct SecretPlace: Equatable {
    let path: String
    /// From 1 on.
    let line: Int
    let secret: SecretSetting

    /// Copies the secret to `target`; returns how many bytes there were. What does not fit is cut
    /// off, as does what stands there no longer.
    func read(into target: inout [UInt8]) -> Int {
        guard let contents = try? ConfigurationBytes(of: path) else { return 0 }
        let lines = contents.lines
        guard lines.indices.contains(line - 1),
            let found = contents.secret(in: lines[line - 1]), found.secret == secret
        else { return 0 }
        var count = 0
        for place in found.value where count < target.count {
            target[count] = contents[place]
            count += 1
        }
        return count
    }
}
