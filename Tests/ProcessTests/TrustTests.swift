import Foundation
import Testing

extension ProcessTests {
    @Suite("Who may be in the room, with real processes")
    struct Trust {
        /// A host and two guests who all hear each other.
        private func three(_ stage: Stage) async throws -> (host: Stage.Host, guests: [Program]) {
            let server = try await stage.server()
            let host = try await stage.host(at: server, ["--name", "ana"])
            var guests: [Program] = []
            for name in ["ben", "cleo"] {
                let guest = try stage.join(host.code, ["--name", name])
                try await guest.event("joined")
                guests.append(guest)
            }
            for guest in guests {
                for number in Set([1.0, 2, 3]).subtracting([
                    guest.events("joined")[0].number("number")
                ]) {
                    try await guest.event("voice") { $0.number("member") == number }
                }
            }
            return (host, guests)
        }

        @Test(
            "/kick: one of three is out with 77 and a sentence, two go on, the old code is refused")
        func kick() async throws {
            let stage = try Stage()
            let (host, guests) = try await three(stage)
            host.program.type("/kick cleo")
            #expect(try await guests[1].status() == 77)
            #expect(
                guests[1].events("left").first?.text("reason")
                    == "the host removed you from the room")
            for program in [host.program, guests[0]] {
                try await program.event("member") {
                    $0.text("state") == "removed" && $0.text("name") == "cleo"
                }
            }
            guests[0].type("still here")
            try await host.program.event("chat") { $0.text("text") == "still here" }
            #expect(guests[0].events("left").isEmpty)

            let late = try stage.join(host.code)
            #expect(try await late.status() == 77)
            let renewed = try await host.program.event("code") { $0.text("code") != host.code }
            let guest = try stage.join(renewed.text("code"), ["--name", "dora"])
            try await guest.event("voice")
        }

        @Test("/invite once: its code lets in one guest, and the next is refused with 77")
        func inviteOnce() async throws {
            let stage = try Stage()
            let pair = try await stage.pair()
            pair.host.type("/invite once")
            let code = try await pair.host.event("code") { $0.bool("once") == true }
            let guest = try stage.join(code.text("code"), ["--name", "cleo"])
            try await guest.event("joined")
            let used = try await pair.host.event("code-used")
            #expect(used.number("nameplate") == code.number("nameplate"))
            let late = try stage.join(code.text("code"))
            #expect(try await late.status() == 77)
            let other = try stage.join(pair.code, ["--name", "dora"])
            try await other.event("joined")
        }

        @Test("/lock: 77 for who has the code; /unlock: it works again; a guest may do neither")
        func lock() async throws {
            let stage = try Stage()
            let pair = try await stage.pair()
            pair.joiner.type("/lock")
            try await pair.joiner.event("warning") { $0.text("kind") == "host-only" }
            pair.host.type("/lock")
            try await pair.host.event("locked") { $0.bool("on") == true }
            let late = try stage.join(pair.code)
            #expect(try await late.status() == 77)
            #expect(late.events("left").first?.text("reason") == "the host has locked the room")
            pair.host.type("/unlock")
            try await pair.host.event("locked") { $0.bool("on") == false }
            let guest = try stage.join(pair.code)
            try await guest.event("joined")
        }

        @Test("/verify shows all the same words, and /same marks who was compared")
        func verify() async throws {
            let stage = try Stage()
            let (host, guests) = try await three(stage)
            guests[0].type("/verify")
            let words = try await host.program.event("safety").text("words")
            #expect(words.split(separator: " ").count == 4)
            for guest in guests {
                let event = try await guest.event("safety")
                #expect(event.text("words") == words && event.number("run") == 1)
            }
            host.program.type("/same")
            let verified = try await host.program.event("verified")
            #expect(verified.objects("members").count == 2)
            guests[0].type("/quit")
            let left = try await host.program.event("member") { $0.text("state") == "left" }
            #expect(left.bool("verified") == true)
            let late = try stage.join(host.code, ["--name", "dora"])
            try await late.event("joined")
            let joined = try await host.program.event("member") { $0.text("name") == "dora" }
            #expect(joined.bool("verified") == false)
        }
    }
}
