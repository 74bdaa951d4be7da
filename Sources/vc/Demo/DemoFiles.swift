internal import Glibc

/// Where the demo finds what it needs, and where it writes.
struct DemoFiles {
    /// The `vc-signal` and `vc-relay` that belong to this `vc`, or else those in PATH.
    let signalServer: String
    let relay: String
    /// Where the speech samples are.
    let samples: String
    /// Where the recordings go.
    let directory: String

    /// - Parameter directory: what `--out` says.
    init(directory: String?) throws(CallFailure) {
        let folder = DemoFiles.folderOfExecutable
        signalServer = try DemoFiles.program("vc-signal", beside: folder)
        relay = try DemoFiles.program("vc-relay", beside: folder)
        guard let samples = DemoFiles.sampleFolder(from: folder) else {
            throw CallFailure(
                .unreadableFile,
                "the speech samples are missing: neither \(folder)/../share/vc nor a "
                    + "\(DemoFiles.sourceFolder) above \(folder) has host.opus")
        }
        self.samples = samples
        self.directory = try DemoFiles.makeDirectory(directory)
    }

    /// Where the samples stand in the sources, for a `vc` that was built but not installed.
    private static let sourceFolder = "Sources/vc/Demo/Samples"

    private static var folderOfExecutable: String {
        var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
        let count = unsafe readlink("/proc/self/exe", &buffer, buffer.count)
        let path = buffer.prefix(max(0, count)).map(UInt8.init(bitPattern:))
        return parent(of: String(decoding: path, as: UTF8.self))
    }

    private static func parent(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return String(path[..<slash])
    }

    private static func program(
        _ name: String, beside folder: String
    ) throws(CallFailure) -> String {
        let path = unsafe getenv("PATH").map { unsafe String(cString: $0) } ?? "/usr/bin:/bin"
        let folders = [folder] + path.split(separator: ":").map(String.init)
        let candidates = folders.map { "\($0)/\(name)" }
        guard let found = candidates.first(where: { unsafe access($0, X_OK) == 0 }) else {
            throw CallFailure(
                .unavailable,
                "\(name) is missing: it stands neither beside vc in \(folder) nor in PATH")
        }
        return found
    }

    private static func sampleFolder(from folder: String) -> String? {
        var candidates = ["\(folder)/../share/vc"]
        var above = folder
        while !above.isEmpty, above != "." {
            candidates.append("\(above)/\(sourceFolder)")
            above = parent(of: above)
        }
        return candidates.first { unsafe access("\($0)/host.opus", R_OK) == 0 }
    }

    private static func makeDirectory(_ wanted: String?) throws(CallFailure) -> String {
        if let wanted {
            guard unsafe mkdir(wanted, 0o777) == 0 || errno == EEXIST,
                unsafe access(wanted, W_OK | X_OK) == 0
            else { throw cannotWrite(wanted) }
            return wanted
        }
        return try makeTemporary("vc-demo")
    }

    /// A new folder that only this user reads.
    static func makeTemporary(_ name: String) throws(CallFailure) -> String {
        let wanted = unsafe getenv("TMPDIR").map { unsafe String(cString: $0) } ?? ""
        let folder = wanted.isEmpty ? "/tmp" : wanted
        var template = Array("\(folder)/\(name)-XXXXXX".utf8CString)
        guard unsafe mkdtemp(&template) != nil else { throw cannotWrite(folder) }
        return String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    private static func cannotWrite(_ directory: String) -> CallFailure {
        let reason = unsafe strerror(errno).map { unsafe String(cString: $0) } ?? "unknown error"
        return CallFailure(
            .unavailable,
            "the recordings cannot be written to \(directory) (\(reason)); choose another "
                + "directory with --out")
    }
}
