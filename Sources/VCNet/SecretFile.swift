internal import Glibc
public import VCCore

/// Why a file with a secret was not read or written, for people.
public enum SecretFileError: Error, Equatable, Sendable {
    case failed(path: String, SystemError)
    case notAFile(path: String)
    /// The first line is longer than anything that is meant to stand there.
    case tooLong(path: String, limit: Int)
}

extension SecretFileError {
    /// Whether there is no such file.
    public var isMissing: Bool {
        if case .failed(_, let error) = self { error.code == ENOENT } else { false }
    }
}

extension SecretFileError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .failed(let path, let error): "\(path): \(error)"
        case .notAFile(let path): "\(path) is no file"
        case .tooLong(let path, let limit): "\(path): the first line has more than \(limit) bytes"
        }
    }
}

/// The first line of a file with a secret.
public struct SecretLine: ~Copyable {
    /// Without blanks around it; may be empty.
    public let bytes: SecretBytes
    /// Whether the mode of the file lets somebody else read it.
    public let isReadableByOthers: Bool
}

/// Secrets in files: read into wiped memory, and never written where others can read them.
public enum SecretFile {
    /// Reads the first line, blanks around it cut off.
    ///
    /// - Parameters:
    ///   - path: a file, or a pipe such as a shell's `<(…)`.
    ///   - limit: how many bytes the line may have.
    public static func firstLine(
        of path: String, limit: Int, in arena: SecretArena
    ) throws(SecretFileError) -> SecretLine {
        let file = try open(path, O_RDONLY)
        var status = stat()
        let number = file.number
        try check(path) { () throws(SystemError) in
            _ = try attempt("stat") { unsafe fstat(number, &status) }
        }
        guard status.st_mode & S_IFMT != S_IFDIR else { throw .notAFile(path: path) }
        // One byte more than a line of the longest kind has with its end and a blank or two.
        let memory = SecretBytes(count: limit + 8, in: arena)
        let count = try read(file, path, into: memory)
        // The group of a file that is not ours is how we read it: a service's credentials are so.
        let others: mode_t = status.st_uid == geteuid() ? 0o077 : 0o007
        let line = firstLine(memory.span.extracting(0..<count))
        guard line.count <= limit else { throw .tooLong(path: path, limit: limit) }
        return SecretLine(
            bytes: SecretBytes(copying: memory.span.extracting(line), in: arena),
            isReadableByOthers: status.st_mode & S_IFMT == S_IFREG && status.st_mode & others != 0)
    }

    /// Makes a file that only its owner can read (mode 0600); throws when there is one already.
    public static func create(_ path: String, _ contents: RawSpan) throws(SecretFileError) {
        try write(path, contents, flags: O_EXCL, mode: 0o600)
    }

    /// Makes or replaces a file that everybody may read.
    public static func writePublic(_ path: String, _ contents: RawSpan) throws(SecretFileError) {
        try write(path, contents, flags: O_TRUNC, mode: 0o644)
    }

    /// Makes the folders above `path` that do not exist, for their owner only.
    public static func makeFolders(above path: String) {
        var end = path.startIndex
        while let slash = path[end...].dropFirst().firstIndex(of: "/") {
            // What cannot be made is told when the file itself cannot be.
            _ = unsafe mkdir(String(path[..<slash]), 0o700)
            end = slash
        }
    }

    private static func write(
        _ path: String, _ contents: RawSpan, flags: CInt, mode: mode_t
    ) throws(SecretFileError) {
        let file = try open(path, O_WRONLY | O_CREAT | flags, mode)
        let number = file.number
        guard StandardStream(descriptor: number).write(contents) else {
            throw .failed(path: path, SystemError(code: errno, call: "write"))
        }
        try check(path) { () throws(SystemError) in
            _ = try attempt("fsync") { fsync(number) }
        }
    }

    private static func open(
        _ path: String, _ flags: CInt, _ mode: mode_t = 0
    ) throws(SecretFileError) -> FileDescriptor {
        do throws(SystemError) {
            let number = try attempt("open") {
                unsafe Glibc.open(path, flags | O_CLOEXEC, mode)
            }
            return FileDescriptor(number ?? -1)
        } catch {
            throw .failed(path: path, error)
        }
    }

    private static func read(
        _ file: borrowing FileDescriptor, _ path: String, into memory: borrowing SecretBytes
    ) throws(SecretFileError) -> Int {
        let number = file.number
        let target = unsafe memory.mutableBytes
        var count = 0
        while count < memory.count {
            var received = 0
            do throws(SystemError) {
                received =
                    try attempt("read") {
                        unsafe Glibc.read(
                            number, target.baseAddress.map { unsafe $0 + count },
                            target.count - count)
                    } ?? 0
            } catch {
                throw .failed(path: path, error)
            }
            guard received > 0 else { break }
            count += received
        }
        return count
    }

    private static func firstLine(_ bytes: RawSpan) -> Range<Int> {
        var end = 0
        var isOver = false
        var start: Int?
        var last = 0
        while end < bytes.byteCount, !isOver {
            let byte = unsafe bytes.unsafeLoad(fromByteOffset: end, as: UInt8.self)
            if byte == UInt8(ascii: "\n") {
                isOver = true
            } else if byte > 0x20 {
                start = start ?? end
                last = end + 1
            }
            end += 1
        }
        return (start ?? last)..<last
    }

    private static func check(
        _ path: String, _ body: () throws(SystemError) -> Void
    ) throws(SecretFileError) {
        do throws(SystemError) {
            try body()
        } catch {
            throw .failed(path: path, error)
        }
    }
}
