internal import Glibc

/// Which file stands at a path and when it was last changed; all zero where there is none.
struct FileMark: Equatable {
    private var seconds = 0
    private var nanoseconds = 0
    private var inode: UInt = 0

    init(_ path: String) {
        var status = stat()
        guard unsafe stat(path, &status) == 0 else { return }
        seconds = status.st_mtim.tv_sec
        nanoseconds = status.st_mtim.tv_nsec
        inode = UInt(status.st_ino)
    }
}
