import Glibc

/// One file of the repository, with its text and with its code alone.
struct SourceFile {
    /// From the root, with slashes.
    let path: String
    let size: Int
    let isBinary: Bool
    /// The lines as they stand; empty for a binary file.
    let lines: [String]
    /// The lines with comments and the insides of string literals taken out.
    let code: [String]
    let isExecutable: Bool

    init(path: String, bytes: [UInt8], isExecutable: Bool = false) {
        self.path = path
        self.isExecutable = isExecutable
        size = bytes.count
        isBinary = bytes.contains(0)
        lines = isBinary ? [] : splitLines(bytes)
        code = path.hasSuffix(".swift") ? splitLines(codeOnly(bytes)) : lines
    }

    init(path: String, text: String, isExecutable: Bool = false) {
        self.init(path: path, bytes: Array(text.utf8), isExecutable: isExecutable)
    }

    /// `Thing.swift` of `a/b/Thing.swift`.
    var name: String { path.split(separator: "/").last.map(String.init) ?? path }
    var isSwift: Bool { path.hasSuffix(".swift") }
    /// Whether it is part of what ships.
    var isProduct: Bool {
        ["Sources/", "Signaling/", "Relay/"].contains { path.hasPrefix($0) }
    }
}

/// All files of the repository except what tools make: `.git`, and what .gitignore names. A package
/// may be built while this is read.
enum Repository {
    static let root: String = {
        // This file is Tests/TidyTests/Repository.swift.
        #filePath.split(separator: "/").dropLast(3).reduce("") { $0 + "/" + $1 }
    }()

    static let files: [SourceFile] = {
        var files: [SourceFile] = []
        collect("", into: &files)
        return files.sorted { $0.path < $1.path }
    }()

    /// Folders with a dot in front that are ours.
    private static let ownHiddenFolders = [".ci"]

    private static let ignored = splitLines(contents(of: root + "/.gitignore"))
        .map { $0.hasSuffix("/") ? String($0.dropLast()) : $0 }

    private static func isIgnored(_ path: String, name: String) -> Bool {
        ignored.contains { fnmatch($0, $0.contains("/") ? path : name, FNM_PATHNAME) == 0 }
    }

    private static func collect(_ folder: String, into files: inout [SourceFile]) {
        guard let directory = opendir(root + "/" + folder) else { return }
        defer { closedir(directory) }
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            guard !name.hasPrefix(".") || ownHiddenFolders.contains(name) else { continue }
            let path = folder.isEmpty ? name : folder + "/" + name
            guard !isIgnored(path, name: name) else { continue }
            var status = stat()
            guard lstat(root + "/" + path, &status) == 0 else { continue }
            if status.st_mode & S_IFMT == S_IFDIR {
                collect(path, into: &files)
            } else if status.st_mode & S_IFMT == S_IFREG {
                files.append(
                    SourceFile(
                        path: path, bytes: contents(of: root + "/" + path),
                        isExecutable: status.st_mode & S_IXUSR != 0))
            }
        }
    }

    private static func contents(of path: String) -> [UInt8] {
        guard let file = fopen(path, "r") else { return [] }
        defer { fclose(file) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while case let count = fread(&chunk, 1, chunk.count, file), count > 0 {
            bytes += chunk[..<count]
        }
        return bytes
    }
}

private func splitLines(_ bytes: [UInt8]) -> [String] {
    var lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        .map { String(decoding: $0, as: UTF8.self) }
    if lines.last == "" { lines.removeLast() }
    return lines
}
