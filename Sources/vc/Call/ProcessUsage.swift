internal import CVCLinux
internal import Glibc

/// What this process costs: CPU since the last look, and memory now.
struct ProcessUsage {
    private var lastCPU = vc_process_cpu_nanoseconds()
    private var lastTime = vc_boottime_nanoseconds()

    /// CPU time in percent of one core since the last call.
    mutating func cpuPercent() -> Double {
        let (cpu, time) = (vc_process_cpu_nanoseconds(), vc_boottime_nanoseconds())
        defer { (lastCPU, lastTime) = (cpu, time) }
        guard time > lastTime else { return 0 }
        return 100 * Double(cpu - lastCPU) / Double(time - lastTime)
    }

    /// Resident memory of this process in bytes.
    static var residentBytes: UInt64 { residentBytes(of: "self") }

    /// Resident memory in bytes of the process that /proc calls `process`, 0 when there is none:
    /// the second number of its statm, in pages.
    static func residentBytes(of process: String) -> UInt64 {
        let file = unsafe open("/proc/\(process)/statm", O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return 0 }
        defer { close(file) }
        var buffer: [128 of UInt8] = .init(repeating: 0)
        let count = unsafe withUnsafeMutableBytes(of: &buffer) {
            unsafe read(file, $0.baseAddress, $0.count)
        }
        var fields: [UInt64] = [0]
        for index in 0..<max(0, count) {
            let byte = buffer[index]
            if byte == UInt8(ascii: " ") {
                fields.append(0)
            } else if (48...57).contains(byte) {
                fields[fields.count - 1] = fields[fields.count - 1] &* 10 &+ UInt64(byte - 48)
            }
        }
        return fields.count > 1 ? fields[1] &* UInt64(sysconf(Int32(_SC_PAGESIZE))) : 0
    }
}
