import Testing
import VCAudio
import VCCore
import VCPortMap
import VCTestKit

@testable import vc

@Suite("vc doctor")
struct DoctorTests {
    private static let external = Endpoint(ipv4: 0xCB00_7109, port: 40_000)
    private static let own = Endpoint(ipv4: 0xC000_0207, port: 0)

    private func states(_ finding: Finding) -> [DoctorLine.State] { finding.lines.map(\.state) }

    @Test("a device that fails is a problem, one that records zeros a warning")
    func devices() {
        #expect(states(.microphone(name: "a", .works(.level(-50)))) == [.ok])
        #expect(states(.microphone(name: "a", .works(.digitalSilence))) == [.warning])
        #expect(states(.microphone(name: "a", .standIn)) == [.ok])
        #expect(states(.microphone(name: "a", .fails("gone"))) == [.problem])
        #expect(states(.loudspeaker(name: "a", .works(nil))) == [.ok])
        #expect(states(.loudspeaker(name: "a", .fails("gone"))) == [.problem])
    }

    @Test("the echo test tells how loud and how late, and of silence says so")
    func echo() {
        let heard = Finding.echo(.heard(level: -31.6, delay: .milliseconds(84))).lines[0]
        #expect(heard.state == .ok)
        #expect(heard.message.contains("-32 dB"))
        #expect(heard.message.contains("84 ms"))
        let silence = Finding.echo(.notHeard(.digitalSilence)).lines[0]
        #expect(silence.state == .warning)
        #expect(silence.message.hasPrefix("silence"))
        #expect(states(.echo(.notHeard(.level(-50)))) == [.ok])
        #expect(states(.echo(nil)) == [.ok])
        #expect(states(.echoFailed("gone")) == [.warning])
    }

    @Test("without the library for processing a call is possible, and it says what to install")
    func processing() {
        #expect(states(.processing(nil)) == [.ok])
        let missing = Finding.processing(.notInstalled(library: "libx.so.1")).lines[0]
        #expect(missing.state == .warning)
        #expect(missing.message.contains("libx.so.1 is not installed"))
        #expect(missing.advice?.contains("libwebrtc-audio-processing1") == true)
        let notBuilt = Finding.processing(.notBuilt).lines[0]
        #expect(notBuilt.state == .warning)
        #expect(notBuilt.advice?.contains("libwebrtc-audio-processing-dev") == true)
    }

    @Test("no way out is a problem where there is neither a network nor a server to be asked")
    func addresses() {
        let ipv6 = Endpoint(high: 0x2001_0DB8 << 32, low: 7, port: 0)
        func states(
            _ ipv4: Endpoint?, _ ipv6: Endpoint?, isLocal: Bool = true, hasServer: Bool = true
        ) -> [DoctorLine.State] {
            self.states(
                .addresses(ipv4: ipv4, ipv6: ipv6, isLocal: isLocal, hasServer: hasServer))
        }
        #expect(states(nil, nil, isLocal: false, hasServer: false) == [.problem])
        #expect(states(nil, nil, isLocal: false) == [.warning])
        #expect(states(nil, nil, hasServer: false) == [.warning])
        #expect(states(Self.own, nil) == [.ok, .ok])
        #expect(states(nil, ipv6) == [.warning, .ok])
    }

    @Test("a server that answers by one transport only is a warning, by none a problem")
    func server() {
        func ways(_ udp: Duration?, _ tcp: Duration?) -> Finding {
            .server(
                name: "vc.example",
                [
                    Finding.ServerWay(family: .ipv4, transport: .udp, roundTrip: udp),
                    Finding.ServerWay(family: .ipv4, transport: .tcp, roundTrip: tcp),
                ])
        }
        let (near, far) = (Duration.milliseconds(9), Duration.milliseconds(120))
        #expect(states(ways(near, far)) == [.ok, .ok])
        #expect(ways(near, far).lines.map(\.roundTrip) == [near, far])
        #expect(ways(near, far).lines[0].message.contains("9.0 ms"))
        #expect(states(ways(near, nil)) == [.ok, .warning])
        let blocked = ways(nil, far).lines
        #expect(blocked.map(\.state) == [.ok, .warning])
        #expect(blocked[1].check == .firewall)
        #expect(blocked[1].message.contains("UDP does not pass"))
        #expect(states(ways(nil, nil)) == [.problem])
    }

    @Test("an address of one family that does not answer is a warning when the other one does")
    func families() {
        let finding = Finding.server(
            name: "vc.example",
            [
                Finding.ServerWay(family: .ipv4, transport: .udp, roundTrip: .milliseconds(9)),
                Finding.ServerWay(family: .ipv6, transport: .udp, roundTrip: nil),
                Finding.ServerWay(family: .ipv4, transport: .tcp, roundTrip: .milliseconds(9)),
                Finding.ServerWay(family: .ipv6, transport: .tcp, roundTrip: .milliseconds(9)),
            ])
        #expect(states(finding) == [.ok, .warning, .ok, .ok])
    }

    @Test("two ports that see one port are a good NAT, two ports a symmetric one")
    func mapping() {
        let other = Self.external.with(port: 40_001)
        let own = [Self.own]
        func kind(_ first: Endpoint?, _ second: Endpoint?) -> Finding.Mapping {
            Finding.Mapping(observed: [first, second], own: own, port: 5_000)
        }
        #expect(kind(Self.external, Self.external) == .same(Self.external))
        #expect(kind(Self.external, other) == .different(Self.external))
        #expect(kind(Self.external, nil) == .unknown)
        let direct = Self.own.with(port: 5_000)
        #expect(kind(direct, direct) == Finding.Mapping.none)
        // The same address in another network, and a port that somebody changed.
        let changed = Self.own.with(port: 5_001)
        #expect(kind(changed, changed) == .same(changed))
        #expect(Finding.Mapping(observed: [], own: own, port: 5_000) == .unknown)
        #expect(states(.mapping(.same(Self.external))) == [.ok])
        #expect(states(.mapping(.none)) == [.ok])
        #expect(states(.mapping(.different(Self.external))) == [.warning])
        #expect(states(.mapping(.unknown)) == [.warning])
    }

    @Test("port mapping that is missing matters behind a symmetric NAT, or when it leads nowhere")
    func portMapping() {
        func finding(
            _ natPMP: Result<Endpoint, PortMapError>, _ mapping: Finding.Mapping?
        ) -> Finding {
            .portMapping(
                [
                    PortMapProbe.Finding(method: .natPMP, result: natPMP),
                    PortMapProbe.Finding(method: .upnp, result: .failure(.noAnswer(.upnp))),
                ], mapping, observed: Self.external)
        }
        let here: Result<Endpoint, PortMapError> = .success(Self.external.with(port: 0))
        let inner: Result<Endpoint, PortMapError> = .success(Endpoint(ipv4: 0x0A00_0007, port: 0))
        let missing: Result<Endpoint, PortMapError> = .failure(.noAnswer(.natPMP))
        #expect(states(finding(here, .same(Self.external))) == [.ok])
        #expect(finding(here, nil).lines[0].message.contains("NAT-PMP"))
        #expect(states(finding(inner, .same(Self.external))) == [.warning])
        #expect(states(finding(missing, .same(Self.external))) == [.ok])
        #expect(states(finding(missing, .different(Self.external))) == [.warning])
        let absent = Finding.portMapping(
            [
                PortMapProbe.Finding(method: .natPMP, result: .failure(.noLibrary("a.so"))),
                PortMapProbe.Finding(method: .upnp, result: .failure(.noLibrary("b.so"))),
            ], nil, observed: nil)
        #expect(absent.lines[0].advice == "install a.so and b.so")
    }

    @Test("a server that wants a token, or is full, still lets people join")
    func room() {
        #expect(states(.room(.leased, hasTicket: true)) == [.ok])
        #expect(states(.room(.leased, hasTicket: false)) == [.ok])
        #expect(states(.room(.refused(.tokenNeeded), hasTicket: false)) == [.warning])
        #expect(states(.room(.refused(.serverFull), hasTicket: false)) == [.warning])
        #expect(states(.room(.refused(.unsupportedVersion(2)), hasTicket: false)) == [.problem])
        #expect(states(.room(.unanswered, hasTicket: false)) == [.problem])
    }

    @Test("relays matter more where no UDP passes")
    func relays() {
        func relay(
            _ udp: Duration?, _ tcp: Duration?, _ binding: RelayProbe.Binding,
            isDraining: Bool = false
        ) -> Finding.Relay {
            Finding.Relay(
                name: "192.0.2.9:4461", udp: udp, tcp: tcp, binding: binding,
                isDraining: isDraining)
        }
        let time = Duration.milliseconds(20)
        #expect(states(.relays([relay(time, time, .bound)], passesUDP: true)) == [.ok])
        #expect(states(.relays([relay(time, nil, .untried)], passesUDP: true)) == [.ok])
        #expect(states(.relays([relay(time, nil, .asked)], passesUDP: true)) == [.warning])
        #expect(
            states(.relays([relay(time, nil, .refused(.full))], passesUDP: true)) == [.warning])
        #expect(states(.relays([relay(nil, nil, .untried)], passesUDP: true)) == [.warning])
        #expect(
            states(.relays([relay(time, nil, .bound, isDraining: true)], passesUDP: true))
                == [.warning])
        #expect(states(.relays([], passesUDP: true)) == [.warning])
        #expect(states(.relays(nil, passesUDP: true)) == [.warning])
        #expect(states(.relays([], passesUDP: false)) == [.problem])
        #expect(states(.relays([relay(nil, time, .bound)], passesUDP: false)) == [.ok])
        #expect(
            states(.relays([relay(nil, time, .refused(.full))], passesUDP: false))
                == [.warning, .problem])
        #expect(
            states(.relays([relay(nil, nil, .untried)], passesUDP: false))
                == [.warning, .problem])
    }

    @Test("a firewall program is named where friends have to get in")
    func firewall() {
        #expect(states(.firewall(program: nil, isServer: true)) == [])
        #expect(states(.firewall(program: "ufw", isServer: false)) == [.ok])
        let lines = Finding.firewall(program: "firewalld", isServer: true).lines
        #expect(lines.map(\.state) == [.warning])
        #expect(lines[0].advice?.contains("firewall-cmd") == true)
    }

    @Test("one problem means that no call is possible, warnings do not; the last line counts them")
    func verdict() {
        var report = DoctorReport()
        _ = report.add(.mapping(.none))
        #expect(report.isCallPossible)
        #expect(report.verdict == "a call is possible")
        _ = report.add(.noServer)
        _ = report.add(.mapping(.unknown))
        #expect(report.isCallPossible)
        #expect(report.verdict == "a call is possible; 2 warnings stand above")
        _ = report.add(.noSuchServer("there is no host named 'a'"))
        #expect(!report.isCallPossible)
        #expect(report.verdict == "no call is possible before the problem is solved")
        #expect(
            report.verdictJSON(seconds: 1.5)
                == #"{"event":"verdict","t":1.500,"possible":false,"problems":1,"warnings":2}"#)
    }

    @Test("a line has its state in front, and in JSON a field for everything")
    func forms() {
        let line = DoctorLine(
            .server, .warning, "it \"limps\"", advice: "walk", roundTrip: .microseconds(1_250))
        #expect(line.text == "warning  it \"limps\"; walk")
        #expect(DoctorLine(.nat, .ok, "fine").text == "ok       fine")
        #expect(
            line.json(seconds: 2)
                == #"{"event":"check","t":2.000,"check":"server","state":"warning","#
                + #""message":"it \"limps\"","advice":"walk","rtt_ms":1.3}"#)
    }

    @Test("a server is asked by UDP and TCP, three times, and only its own answers count")
    func serverProbe() {
        var random = SplitMix64(seed: 1)
        let server = Endpoint(ipv4: 0xC000_0201, port: 4_460)
        let start = Instant(nanoseconds: 1_000_000_000)
        var probe = ServerProbe(servers: [server], random: &random, now: start)
        func sent(_ now: Instant) -> [(to: Endpoint, bytes: [UInt8])] {
            var found: [(Endpoint, [UInt8])] = []
            while true {
                var destination: Endpoint?
                let bytes = [UInt8](capacity: 1_200) { writer in
                    destination = probe.pollTransmit(into: &writer, now: now)?.destination
                }
                guard let destination else { return found }
                found.append((destination, bytes))
            }
        }
        let first = sent(start)
        #expect(Set(first.map(\.to)) == [server, server.over(.tcp)])
        func answer(to request: [UInt8]) throws -> [UInt8] {
            let header = try SignalRequest.decode(request.span.bytes).header
            return [UInt8](capacity: 1_200) { writer in
                SignalAnswer.writeCookie(
                    transaction: header.transaction, cookie: .zero, observed: Self.external,
                    secondPort: 3_478, into: &writer)
            }
        }
        #expect(throws: Never.self) {
            let hello = try #require(first.first { $0.to == server }?.bytes)
            let cookie = try answer(to: hello)
            let now = start + .milliseconds(30)
            probe.handle(cookie.span.bytes, from: server.with(port: 1), now: now)
            #expect(probe.ways.allSatisfy { $0.roundTrip == nil })
            probe.handle(cookie.span.bytes, from: server, now: now)
            probe.handle(cookie.span.bytes, from: server.over(.tcp), now: now)
        }
        #expect(probe.ways.map(\.roundTrip) == [.milliseconds(30), nil])
        #expect(probe.ways[0].observed == Self.external)
        #expect(probe.ways[0].secondPort == 3_478)
        #expect(!probe.isDone)
        probe.handleTimeout(now: start + .milliseconds(500))
        #expect(sent(start + .milliseconds(500)).map(\.to) == [server.over(.tcp)])
        probe.handleClosed(server.over(.tcp))
        #expect(probe.isDone)
        probe.handleTimeout(now: start + .milliseconds(1_500))
        #expect(sent(start + .milliseconds(1_500)).isEmpty)
    }
}
