internal import CVCLinux
internal import Glibc

/// The folder with one socket for each running call of this user.
struct ControlFolder {
    private static let prefix = "call-"

    let path: String

    /// - Parameter runtime: $XDG_RUNTIME_DIR.
    ///
    /// Nil where that is not set, or where the folder in it is not ours alone.
    init?(runtime: String?) {
        guard let runtime, runtime.hasPrefix("/") else { return nil }
        path = runtime + (runtime.hasSuffix("/") ? "vc" : "/vc")
        guard unsafe vc_private_folder(path) == 1 else { return nil }
    }

    static var ofProcess: ControlFolder? {
        ControlFolder(runtime: unsafe getenv("XDG_RUNTIME_DIR").map { unsafe String(cString: $0) })
    }

    func socketPath(of process: pid_t) -> String { "\(path)/\(Self.prefix)\(process)" }

    /// Where a socket stands that is no running call's yet.
    func hiddenPath(of process: pid_t) -> String { "\(path)/new-\(process)" }

    /// The sockets, the one made last in front.
    var sockets: [String] {
        guard let folder = unsafe opendir(path) else { return [] }
        defer { unsafe closedir(folder) }
        var found: [(path: String, time: timespec)] = []
        while let entry = unsafe readdir(folder) {
            let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { bytes in
                unsafe String(cString: UnsafeRawPointer(bytes).assumingMemoryBound(to: CChar.self))
            }
            guard name.hasPrefix(Self.prefix) else { continue }
            var status = stat()
            let file = "\(path)/\(name)"
            guard unsafe lstat(file, &status) == 0, status.st_mode & S_IFMT == S_IFSOCK else {
                continue
            }
            found.append((file, status.st_mtim))
        }
        found.sort { ($1.time.tv_sec, $1.time.tv_nsec) < ($0.time.tv_sec, $0.time.tv_nsec) }
        return found.map(\.path)
    }
}
