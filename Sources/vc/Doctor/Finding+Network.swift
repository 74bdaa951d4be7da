internal import VCCore
internal import VCPortMap

/// The lines about servers, the router and relays.
extension Finding {
    static func server(_ name: String, _ ways: [ServerWay]) -> [DoctorLine] {
        let answered = ways.filter { $0.roundTrip != nil }
        guard !answered.isEmpty else {
            return [
                DoctorLine(
                    .server, .problem,
                    "no signaling server answers at \(name), neither by UDP nor by TCP (tried "
                        + "for 3 s)",
                    advice: "check the address, whether vc-signal runs there, and that the "
                        + "firewalls on both sides let its port through")
            ]
        }
        let passesUDP = answered.contains { $0.transport == .udp }
        let passesTCP = answered.contains { $0.transport == .tcp }
        var lines = ways.compactMap { way -> DoctorLine? in
            let transport = way.transport == .udp ? "UDP" : "TCP"
            if let roundTrip = way.roundTrip {
                return DoctorLine(
                    .server, .ok,
                    "\(name) answers by \(transport) over \(way.family.rawValue) in "
                        + milliseconds(roundTrip), roundTrip: roundTrip)
            }
            // One line below tells of a transport that does not work at all.
            let works = way.transport == .udp ? passesUDP : passesTCP
            guard works else { return nil }
            return DoctorLine(
                .server, .warning,
                "\(name) does not answer by \(transport) over \(way.family.rawValue), which its "
                    + "name has an address for")
        }
        if !passesUDP {
            lines.append(
                DoctorLine(
                    .firewall, .warning,
                    "UDP does not pass, TCP does: calls go over TCP to a relay, with more delay",
                    advice: "have the firewall of this network let outgoing UDP through"))
        }
        if !passesTCP {
            lines.append(
                DoctorLine(
                    .server, .warning,
                    "\(name) does not answer by TCP: who is in a network without UDP cannot "
                        + "reach it", advice: "the firewall there should let its TCP port in"))
        }
        return lines
    }

    static func mapping(_ mapping: Mapping) -> DoctorLine {
        switch mapping {
        case .none:
            DoctorLine(.nat, .ok, "no NAT stands between this machine and the server")
        case .same(let endpoint):
            DoctorLine(
                .nat, .ok,
                "the NAT uses one port for all destinations (\(endpoint.addressDescription)): "
                    + "direct calls usually work")
        case .different(let endpoint):
            DoctorLine(
                .nat, .warning,
                "the NAT uses another port for each destination (symmetric, "
                    + "\(endpoint.addressDescription)): calls to others behind a NAT often need a "
                    + "relay", advice: "port mapping or IPv6 in the router helps")
        case .unknown:
            DoctorLine(
                .nat, .warning,
                "what the NAT does is not known: only one of the server's two ports answered")
        }
    }

    static func portMapping(
        _ found: [PortMapProbe.Finding], _ mapping: Mapping?, _ observed: Endpoint?
    ) -> DoctorLine {
        let working = found.compactMap { finding -> (String, Endpoint)? in
            guard case .success(let external) = finding.result else { return nil }
            return (finding.method.rawValue, external)
        }
        if let (method, external) = working.first {
            if let observed, observed.ipv4 != nil, !observed.hasSameAddress(as: external),
                mapping != Mapping.none
            {
                return DoctorLine(
                    .portMapping, .warning,
                    "the router maps ports by \(method), but stands behind another NAT itself "
                        + "(it is \(external.addressDescription), the world sees "
                        + "\(observed.addressDescription)): the mapping leads nowhere",
                    advice: "nothing is wrong here; calls use other ways")
            }
            let methods = working.map(\.0).joined(separator: " and ")
            return DoctorLine(.portMapping, .ok, "the router maps ports by \(methods)")
        }
        let missing = found.compactMap { finding -> String? in
            guard case .failure(.noLibrary(let name)) = finding.result else { return nil }
            return name
        }
        if missing.count == found.count, !missing.isEmpty {
            return DoctorLine(
                .portMapping, .warning, "port mapping was not tried",
                advice: "install \(missing.joined(separator: " and "))")
        }
        let sentence = "the router maps no ports: neither NAT-PMP nor UPnP got an answer"
        switch mapping {
        case .different:
            return DoctorLine(
                .portMapping, .warning, sentence,
                advice: "if its settings offer either, turn it on: direct calls need it here")
        case .some(.none), .same, .unknown, nil:
            return DoctorLine(.portMapping, .ok, "\(sentence); most calls do not need it")
        }
    }

    static func discovery(_ discovery: Discovery) -> DoctorLine {
        switch discovery {
        case .heard(let interfaces) where !interfaces.isEmpty:
            DoctorLine(
                .discovery, .ok,
                "rooms in the local network are found without an address (UDP "
                    + "\(DiscoveryFormat.port), multicast on \(interfaces.joined(separator: ", ")))"
            )
        case .heard:
            DoctorLine(
                .discovery, .ok,
                "no network to look for rooms in: only those on this machine are found")
        case .silent:
            DoctorLine(
                .discovery, .warning,
                "this machine does not hear its own multicast: rooms in the local network are not "
                    + "found",
                advice: "let UDP \(DiscoveryFormat.port) through its firewall, or give the whole "
                    + "code, with @address")
        case .unavailable(let reason):
            DoctorLine(
                .discovery, .warning, "rooms in the local network are not found: \(reason)",
                advice: "give the whole code, with @address")
        }
    }

    static func room(_ room: RoomProbe.Room, hasTicket: Bool) -> DoctorLine {
        switch room {
        case .leased:
            hasTicket
                ? DoctorLine(.room, .ok, "the server opens rooms and signs relay tickets")
                : DoctorLine(.room, .ok, "the server opens rooms; it signs no relay tickets")
        case .unanswered:
            DoctorLine(
                .room, .problem, "the server answers, but not when a room is to be opened",
                advice: "ask who runs it")
        case .refused(.tokenNeeded):
            DoctorLine(
                .room, .warning,
                "the server opens rooms only for who has its token; joining needs none",
                advice: "ask who runs it for the token, and give it with --signal-token-file FILE "
                    + "or $VC_SIGNAL_TOKEN")
        case .refused(.unsupportedVersion(let version)):
            DoctorLine(
                .room, .problem,
                "the server speaks protocol \(version), this vc \(protocolVersion)",
                advice: "update the older one")
        case .refused(.serverDraining):
            DoctorLine(
                .room, .warning, "the server is about to stop and opens no rooms",
                advice: "try again in a minute")
        case .refused:
            DoctorLine(
                .room, .warning, "the server opens no more rooms now",
                advice: "try again in a minute")
        }
    }

    static func relays(_ relays: [Relay]?, passesUDP: Bool) -> [DoctorLine] {
        let worst: DoctorLine.State = passesUDP ? .warning : .problem
        guard let relays, !relays.isEmpty else {
            return [
                DoctorLine(
                    .relay, worst,
                    relays == nil
                        ? "the server did not say which relays there are"
                        : "the server knows no relay that answers",
                    advice: passesUDP
                        ? "calls work where both sides reach each other directly; for the others "
                            + "somebody has to run vc-relay"
                        : "without UDP a relay is needed; somebody has to run vc-relay with "
                            + "--listen-tcp")
            ]
        }
        let lines = relays.map(relay)
        guard !passesUDP, !relays.contains(where: { $0.tcp != nil && $0.binding == .bound })
        else { return lines }
        return lines + [
            DoctorLine(
                .relay, .problem, "no relay can be used by TCP, and UDP does not pass",
                advice: "a relay with --listen-tcp 443 gets through most firewalls")
        ]
    }

    private static func relay(_ relay: Relay) -> DoctorLine {
        let times = [("UDP", relay.udp), ("TCP", relay.tcp)].compactMap { name, time in
            time.map { "\(name) \(milliseconds($0))" }
        }
        guard !times.isEmpty else {
            return DoctorLine(
                .relay, .warning, "relay \(relay.name) does not answer",
                advice: "a firewall may keep its port from you")
        }
        let answers = "relay \(relay.name) answers (\(times.joined(separator: ", ")))"
        let roundTrip = relay.udp ?? relay.tcp
        if relay.isDraining {
            return DoctorLine(
                .relay, .warning, "\(answers), but is about to stop", roundTrip: roundTrip)
        }
        switch relay.binding {
        case .bound:
            return DoctorLine(
                .relay, .ok, "\(answers) and takes the ticket", roundTrip: roundTrip)
        case .untried:
            return DoctorLine(
                .relay, .ok, "\(answers); there was no ticket to try it with",
                roundTrip: roundTrip)
        case .asked:
            return DoctorLine(
                .relay, .warning, "\(answers), but not to the ticket", roundTrip: roundTrip)
        case .refused(let notice):
            return DoctorLine(
                .relay, .warning, "\(answers), but refuses: it \(notice.words)",
                advice: "ask who runs it", roundTrip: roundTrip)
        }
    }
}
