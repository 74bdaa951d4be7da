import Testing
@testable import VCCore
import VCTestKit

@Suite struct DebugTests {
    @Test func killed() throws {
        let arena = try #require(SecretArena())
        let pair = FaultTests.pairs[2]
        var call = try Call(pair[0], pair[1], seed: 2, arena: arena)
        call.run(untilAfterStart: .seconds(5))
        let (one, other) = call.members(seed: 2)
        let router = try #require(other.site.router)
        let before = call.world.now
        func show(_ n: Node, _ name: String) {
            let p = n.machine.peers[n.machine.isHost ? 2 : 1].path
            print(Int((call.world.now - before).inMilliseconds), name, p.selected.map { "\($0.endpoint)" } ?? "-", "silent", p.silence.since.map { ($0 - before).inMilliseconds } ?? -1, "bound", n.machine.relays.endpoints.count, "heard", n.heard.last.map { Int(($0.time - before).inMilliseconds) } ?? -1,
                p.paths.filter { $0.isValid }.map { "\($0.route.endpoint)\($0.route.isRelayed ? "R" : "") \($0.standing) rtt=\(Int($0.roundTrip?.inMilliseconds ?? -1))" })
        }
        show(one, "one"); show(other, "other")
        call.world.network.changeAddress(of: router, to: Endpoint(ipv4: 0xCB00_72F0, port: 0))
        for _ in 0..<24 {
            call.run(for: .milliseconds(25))
            show(one, "one"); show(other, "other")
        }
        print(call.silence(since: before))
    }
}
