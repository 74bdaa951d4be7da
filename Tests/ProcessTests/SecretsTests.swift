import Foundation
import Testing

extension ProcessTests {
    @Suite("Secrets of a running vc")
    struct Secrets {
        @Test("Its keys stay out of swap, it leaves no core file, and nobody reads its memory")
        func kept() async throws {
            let stage = try Stage()
            let host = try await stage.host(at: try await stage.server())
            let folder = "/proc/\(host.program.pid)"
            let status = try String(contentsOfFile: "\(folder)/status", encoding: .utf8)
            let locked = try #require(
                status.split(separator: "\n").first { $0.hasPrefix("VmLck:") })
            let size = locked.split(whereSeparator: \.isWhitespace).dropFirst().first
            #expect(try #require(size.flatMap { Int($0) }) >= 64, "the arena, in KiB: \(locked)")
            let limits = try String(contentsOfFile: "\(folder)/limits", encoding: .utf8)
            let core = try #require(
                limits.split(separator: "\n").first { $0.contains("core file") })
            #expect(core.split(whereSeparator: \.isWhitespace).contains("0"), "\(core)")
            // The files of a process that cannot be dumped are root's, whoever started it.
            let attributes = try FileManager.default.attributesOfItem(atPath: "\(folder)/mem")
            #expect(attributes[.ownerAccountID] as? Int == 0)
        }
    }
}
