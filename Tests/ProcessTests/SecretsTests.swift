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

        @Test(
            "No key is in memory beside the arena during a call, and none at all after its end",
            .enabled(if: getuid() == 0, "needs root"))
        func nowhereElse() async throws {
            let tap = try LoopbackTap()
            let stage = try Stage()
            let call = try await stage.pair()
            try await call.host.event("voice")
            try await call.joiner.event("voice")
            // Twice: a cipher that is at work has its key in registers and on the stack.
            let during = try ProcessMemory(of: call.host)
            let later = try ProcessMemory(of: call.host)
            call.joiner.type("/quit")
            try await call.host.event("member") { $0.text("state") == "left" }
            let after = try ProcessMemory(of: call.host)
            let wire = tap.stop()
            // What goes over the wire as it is, as public keys do, is no secret. Before it may be
            // how a message begins in which it goes to a member as well.
            let secrets = during.keys.filter { !wire.contains(piece: Array($0.dropFirst(8))) }
            #expect(secrets.count >= 4, "keys of the pair, of the room, and of the host itself")
            for secret in secrets {
                #expect(
                    during.places(of: secret, inArena: false).isEmpty
                        || later.places(of: secret, inArena: false).isEmpty)
                #expect(after.places(of: secret, inArena: false).isEmpty)
            }
            let gone = secrets.subtracting(after.keys)
            #expect(gone.count >= 3, "two keys of the session and that of the pair")
            #expect(gone.allSatisfy { after.places(of: $0, inArena: true).isEmpty })
            // What is looked for is found, where it is.
            #expect(!during.places(of: Array("ben".utf8), inArena: false).isEmpty)
            #expect(during.keys.count > secrets.count && !wire.isEmpty)
        }
    }
}
