internal import VCAudio
internal import VCCore
internal import VCPortMap

extension Finding {
    /// What people and programs read.
    var lines: [DoctorLine] {
        switch self {
        case .microphone(let name, let device): [Self.microphone(name, device)]
        case .loudspeaker(let name, let device): [Self.loudspeaker(name, device)]
        case .echo(let echo): [Self.echo(echo)]
        case .echoFailed(let reason):
            [DoctorLine(.echo, .warning, "the echo test was broken off: \(reason)")]
        case .processing(let error): [Self.processing(error)]
        case .addresses(let ipv4, let ipv6, let isLocal, let hasServer):
            Self.addresses(ipv4, ipv6, isLocal: isLocal, hasServer: hasServer)
        case .noServer:
            [
                DoctorLine(
                    .server, .warning,
                    "no signaling server is given: `vc host` runs one inside itself, which friends "
                        + "elsewhere reach only if this machine can be reached from outside",
                    advice: "to try out a server, give --signal HOST or set VC_SIGNAL")
            ]
        case .noSuchServer(let reason):
            [
                DoctorLine(
                    .server, .problem, reason,
                    advice: "check --signal and $VC_SIGNAL, and whether this machine is online")
            ]
        case .server(let name, let ways): Self.server(name, ways)
        case .mapping(let mapping): [Self.mapping(mapping)]
        case .portMapping(let found, let mapping, let observed):
            [Self.portMapping(found, mapping, observed)]
        case .room(let room, let hasTicket): [Self.room(room, hasTicket: hasTicket)]
        case .relays(let relays, let passesUDP): Self.relays(relays, passesUDP: passesUDP)
        case .discovery(let discovery): [Self.discovery(discovery)]
        case .firewall(let program, let isServer): Self.firewall(program, isServer: isServer)
        }
    }

    private static func microphone(_ name: String, _ device: Device) -> DoctorLine {
        switch device {
        case .works(.level(let level)):
            DoctorLine(
                .microphone, .ok,
                "microphone \(name) records; the background is at \(decibels(level))")
        case .works(.digitalSilence):
            DoctorLine(
                .microphone, .warning, "microphone \(name) records nothing but zeros",
                advice: "is it muted by a switch or in the mixer? `vc devices` lists others "
                    + "for --capture")
        case .works(nil), .standIn:
            DoctorLine(.microphone, .ok, "\(name) stands in for a microphone")
        case .fails(let reason):
            DoctorLine(
                .microphone, .problem, reason,
                advice: "`vc devices` lists others for --capture; --capture silence needs none")
        }
    }

    private static func loudspeaker(_ name: String, _ device: Device) -> DoctorLine {
        switch device {
        case .works: DoctorLine(.loudspeaker, .ok, "loudspeaker \(name) plays")
        case .standIn:
            DoctorLine(.loudspeaker, .ok, "\(name) stands in for a loudspeaker")
        case .fails(let reason):
            DoctorLine(
                .loudspeaker, .problem, reason,
                advice: "`vc devices` lists others for --playback; --playback silence needs none")
        }
    }

    private static func echo(_ echo: SoundCheck.Echo?) -> DoctorLine {
        switch echo {
        case nil:
            DoctorLine(
                .echo, .ok, "no echo test: it needs a microphone and a loudspeaker")
        case .heard(let level, let delay):
            DoctorLine(
                .echo, .ok,
                "the microphone hears the loudspeaker at \(decibels(level)), "
                    + "\(milliseconds(delay)) after it is played")
        case .notHeard(.digitalSilence):
            DoctorLine(
                .echo, .warning, "silence: the microphone heard nothing of the loudspeaker",
                advice: "unmute it, or choose another one with --capture")
        case .notHeard(.level(let level)):
            DoctorLine(
                .echo, .ok,
                "the microphone does not hear the loudspeaker (background \(decibels(level))): "
                    + "right with a headset, otherwise one of the two is turned down or is "
                    + "the wrong one")
        }
    }

    private static func processing(_ error: ProcessingError?) -> DoctorLine {
        guard let error else {
            return DoctorLine(
                .processing, .ok,
                "echo cancellation, noise suppression and gain control work "
                    + "(\(MicrophoneProcessing.libraryName ?? ""))")
        }
        let package =
            switch error {
            case .notBuilt:
                "to have it, install libwebrtc-audio-processing-dev and build vc again"
            case .notInstalled, .refused:
                "to have it, install the package of that library, on Debian 12 "
                    + "libwebrtc-audio-processing1, on Debian 13 "
                    + "libwebrtc-audio-processing-1-3"
            }
        return DoctorLine(
            .processing, .warning,
            "no echo cancellation, noise suppression or gain control: \(error)",
            advice: package + "; until then use a headset")
    }

    private static func addresses(
        _ ipv4: Endpoint?, _ ipv6: Endpoint?, isLocal: Bool, hasServer: Bool
    ) -> [DoctorLine] {
        if ipv4 == nil, ipv6 == nil {
            let sentence = "this machine has no way out, neither by IPv4 nor by IPv6"
            return [
                isLocal
                    ? DoctorLine(
                        .ipv4, .warning, "\(sentence): calls are possible in its own network only",
                        advice: "to call others, connect it to the internet")
                    : DoctorLine(
                        .ipv4, hasServer ? .warning : .problem, sentence,
                        advice: "connect it to a network")
            ]
        }
        let first =
            ipv4.map {
                DoctorLine(.ipv4, .ok, "IPv4: this machine is \($0.addressDescription)")
            }
            ?? DoctorLine(
                .ipv4, .warning, "no IPv4: only who has IPv6 can be reached directly")
        let second =
            ipv6.map {
                DoctorLine(.ipv6, .ok, "IPv6: this machine is \($0.addressDescription)")
            }
            ?? DoctorLine(
                .ipv6, .ok, "no IPv6: calls go over IPv4; with IPv6 more of them would be direct")
        return [first, second]
    }

    private static func firewall(_ program: String?, isServer: Bool) -> [DoctorLine] {
        guard let program else { return [] }
        guard isServer else {
            return [
                DoctorLine(
                    .firewall, .ok,
                    "\(program) is active on this machine; a call needs nothing but outgoing UDP")
            ]
        }
        let advice =
            program == "firewalld"
            ? "`sudo firewall-cmd --add-port=4460/udp --add-port=4460/tcp`"
            : "`sudo ufw allow 4460`"
        return [
            DoctorLine(
                .firewall, .warning,
                "\(program) is active on this machine: it may keep friends away from the server "
                    + "that `vc host` runs", advice: "let port 4460 in: \(advice)")
        ]
    }

    static func milliseconds(_ duration: Duration) -> String {
        let value = duration.inMilliseconds
        return (fixedDecimal(value, decimals: value < 10 ? 1 : 0) ?? "?") + " ms"
    }

    private static func decibels(_ level: Double) -> String {
        (fixedDecimal(level, decimals: 0) ?? "?") + " dB"
    }
}
