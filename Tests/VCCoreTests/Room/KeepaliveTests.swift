import Testing
import VCTestKit

@testable import VCCore

@Suite("Keepalives") struct KeepaliveTests {
    /// Datagrams that one side sends the other in ten silent seconds.
    private func count(milliseconds: Int?) throws -> Int {
        let pair = try JoinedPair(arena: try #require(SecretArena())) {
            if $0 == .joiner { $1.keepalive = KeepaliveSettings(milliseconds: milliseconds) }
        }
        pair.run(for: .seconds(5))
        var sent = 0
        pair.losesTo = { side, _ in
            if side == .host { sent += 1 }
            return false
        }
        pair.run(for: .seconds(10))
        #expect(pair.host.connection(of: 2)?.isLost == false)
        return sent
    }

    @Test("go out five times a second, and oftener for who wants that")
    func interval() throws {
        let usual = try count(milliseconds: nil)
        #expect((50...80).contains(usual), "\(usual)")
        let most = try count(milliseconds: 50)
        #expect((200...270).contains(most), "\(most)")
    }
}
