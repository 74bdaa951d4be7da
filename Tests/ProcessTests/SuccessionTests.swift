import Foundation
import Testing

extension ProcessTests {
    @Suite("Succession")
    struct Succession {
        @Test("A host that is killed is succeeded within 8 s, and its code lets the next one in")
        func killed() async throws {
            let stage = try Stage()
            let pair = try await stage.pair()
            let third = try stage.join(pair.code, ["--name", "cleo"])
            try await third.event("joined")
            try await pair.joiner.event("member") {
                $0.text("name") == "cleo" && $0.text("state") == "joined"
            }
            // The successor gets what it needs each quarter of a second.
            try await Task.sleep(for: .seconds(1))
            let time = ContinuousClock.now
            pair.host.send(SIGKILL)
            let code = try await pair.joiner.event("code", within: .seconds(10))
            #expect(code.time - time < .seconds(8.5))
            #expect(code.text("code") == pair.code)
            let change = try await third.event("member", within: .seconds(5)) {
                $0.text("name") == "ben" && $0.bool("host") == true
            }
            #expect(change.time - time < .seconds(8.5))
            let next = try stage.join(pair.code, ["--name", "dora"])
            try await next.event("joined")
            for program in [pair.joiner, third] {
                try await program.event("member", within: .seconds(5)) {
                    $0.text("name") == "dora" && $0.text("state") == "joined"
                }
            }
            try await next.event("voice", within: .seconds(5))
        }

        @Test("A host that leaves hands over: the others talk on, and the code goes on")
        func handOver() async throws {
            let stage = try Stage()
            let pair = try await stage.pair()
            try await Task.sleep(for: .seconds(1))
            let time = ContinuousClock.now
            pair.host.type("/quit")
            #expect(try await pair.host.status() == 0)
            let code = try await pair.joiner.event("code", within: .seconds(5))
            #expect(code.time - time < .seconds(2))
            #expect(code.text("code") == pair.code)
            let next = try stage.join(pair.code, ["--name", "cleo"])
            try await next.event("joined")
            try await next.event("voice", within: .seconds(5))
            pair.joiner.type("/end")
            #expect(try await next.status() == 0)
            #expect(next.events("left").first?.text("reason") == "the host closed the room")
        }

        @Test("Where vc-signal was in the host that is killed, the next host opens one and says so")
        func embedded() async throws {
            let stage = try Stage()
            let port = try freePort()
            let host = try await stage.host(
                at: nil, ["--listen", "127.0.0.1:\(port)", "--name", "ana"])
            var joiners: [Program] = []
            for name in ["ben", "cleo"] {
                let joiner = try stage.join(host.code, ["--name", name])
                try await joiner.event("joined")
                joiners.append(joiner)
            }
            try await joiners[0].event("member") { $0.text("name") == "cleo" }
            try await Task.sleep(for: .seconds(1))
            host.program.send(SIGKILL)
            let code = try await joiners[0].event("code", within: .seconds(10)).text("code")
            #expect(code != host.code)
            try await joiners[1].event("member", within: .seconds(5)) {
                $0.text("name") == "ben" && $0.bool("host") == true
            }
        }
    }
}
