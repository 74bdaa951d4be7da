import Testing
import VCCore

@testable import vc

@Suite("Who can come into a room of our own server")
struct HostReachTests {
    private func reach(_ name: String, _ change: (inout CallOptions) -> Void = { _ in }) throws
        -> HostReach
    {
        var options = CallOptions()
        change(&options)
        return HostReach(options, try #require(ServerName(name)), port: 4_460)
    }

    @Test(
        "is told by the address",
        arguments: [
            ("192.168.1.20", HostReach.Outside.forward), ("10.0.0.1", .forward),
            ("172.20.0.1", .forward), ("169.254.3.4", .forward), ("100.64.0.9", .forward),
            ("fd00::7", .forward), ("203.0.113.7", .open), ("2001:db8::7", .open),
            ("127.0.0.1", .none), ("::1", .none), ("fe80::1", .none),
        ])
    func addresses(name: String, outside: HostReach.Outside) throws {
        let reach = try reach(name)
        #expect(reach.outside == outside)
        #expect(reach.sentences.first?.contains("may leave out what follows the @") == true)
        #expect(try self.reach(name) { $0.usesLocalNetwork = false }.sentences.count == 1)
        let given = try self.reach(name) { $0.advertise = ServerName(name) }
        #expect(given.outside == .given && given.sentences.count == 1)
    }

    @Test("names the port to forward, and what follows the @ once the router forwards it")
    func mapping() throws {
        var reach = try reach("192.168.1.20")
        #expect(reach.outsideSentence?.contains("forward UDP port 4460 of your router") == true)
        let external = Endpoint(ipv4: 0xCB00_7107, port: 4_471)
        #expect(reach.note(mapped: nil) == false)
        #expect(reach.note(mapped: external) == true)
        #expect(reach.note(mapped: external) == false)
        #expect(reach.outsideSentence?.hasSuffix("the code ends in @203.0.113.7:4471") == true)
        #expect(reach.note(mapped: nil) == true)
        #expect(reach.outside == .forward)
    }

    @Test("believes no router that stands behind another one")
    func doubleNAT() throws {
        var reach = try reach("192.168.1.20")
        let isNews = reach.note(mapped: Endpoint(ipv4: 0x6440_0005, port: 4_460))
        #expect(!isNews && reach.outside == .forward)
        var open = try self.reach("203.0.113.7")
        #expect(open.note(mapped: Endpoint(ipv4: 0xCB00_7107, port: 4_460)) == false)
    }

    @Test("is said in lines that are printed once")
    func lines() throws {
        var plain = PlainText(usesColor: false)
        let lines = plain.lines(for: .reach(try reach("192.168.1.20")), at: 0).map(\.text)
        #expect(lines.count == 2 && lines.allSatisfy { $0.hasPrefix("* ") })
        let search = plain.lines(for: .searching(nameplate: 7, server: nil), at: 0).map(\.text)
        #expect(search == ["* looking for room 7 in this network"])
        let found = plain.lines(for: .searching(nameplate: 7, server: "192.0.2.1"), at: 0)
        #expect(found.map(\.text) == ["* room 7 answers at 192.0.2.1; trying the code there"])
    }

    @Test("a search that finds nothing says what to do, and where else was looked")
    func ends() {
        let nobody = EndReason.notInNetwork.outcome(nameplate: 7, server: "this network")
        #expect(nobody.status == .unavailable)
        #expect(nobody.sentence.contains("no room 7 answers in this network: ask for the whole"))
        let both = EndReason.noSuchRoom.outcome(nameplate: 7, server: "a.example", searched: true)
        #expect(both.status == .refused)
        #expect(both.sentence == "no room 7 at a.example, and none answers in this network")
        let silent = EndReason.signalUnreachable.outcome(
            nameplate: 7, server: "a.example", searched: true)
        #expect(silent.sentence.contains("and none answers in this network; check the address"))
    }
}
