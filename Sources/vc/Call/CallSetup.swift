internal import CVCLinux
internal import VCAudio
internal import VCCore
internal import VCNet

/// Everything that `vc host` and `vc join` need before the first packet: devices, socket, servers.
/// What fails here fails with a sentence and an exit status, and nothing was sent.
struct CallSetup: ~Copyable {
    /// Where vc-signal listens when nothing else is said.
    static let signalPort: UInt16 = 4_460

    let options: CallOptions
    let arena: SecretArena
    let engine: AudioEngine
    let socket: UDPSocket
    let configuration: RoomConfiguration
    let service: EmbeddedSignal?
    let network: CallNetwork
    /// How the signaling server is named to people.
    let serverName: String
    /// Who can come in, where the server is inside.
    let reach: HostReach?

    /// - Parameters:
    ///   - server: the one that the code names, for a joiner.
    ///   - searches: whether the room may be looked for in the local network.
    init(
        _ options: CallOptions, isHost: Bool, server: ServerName?, searches: Bool = false,
        arena: SecretArena
    ) throws(CallFailure) {
        var random = SystemRandom()
        let hostToken = try options.signalToken.map { source throws(CallFailure) in
            try SignalTokenInput.read(source, in: arena)
        }
        let engine = try CallSetup.engine(options, random: &random)
        let embeds = isHost && options.signal == nil
        let socket = try CallSetup.socket(options, embeds: embeds)
        let named = server ?? options.signal
        let servers: [Endpoint]
        if embeds {
            servers = [EmbeddedSignal.client]
        } else if let named {
            // The resolver has a patience of its own, which may be long.
            servers = try EarlySignals.letThrough { () throws(CallFailure) in
                try CallSetup.resolve(named, isNeeded: !searches)
            }
        } else if searches {
            servers = []
        } else {
            throw CallFailure(
                .usage,
                "the code names no server: it should end in @HOST[:PORT]; or give --signal HOST")
        }
        let port = socket.localEndpoint.port
        let network = CallNetwork(
            includesLoopback: servers.contains { $0.isLoopback },
            mayChangePort: options.listen == nil)
        let addresses = network.addresses
        let advertised =
            embeds ? try CallSetup.advertised(options, port: port, addresses) : named
        self.arena = arena
        self.engine = engine
        self.options = options
        serverName = advertised?.description ?? named?.description ?? "this network"
        reach = embeds ? advertised.map { HostReach(options, $0, port: port) } : nil
        var configuration = RoomConfiguration(
            isHost: isHost, servers: servers, advertised: advertised,
            name: options.name ?? guestName(using: &random), isMuted: options.isMuted,
            candidates: addresses.map { $0.with(port: port) },
            local: network.local(addresses), rungs: options.rungs, hostToken: hostToken,
            searchesLocalNetwork: searches)
        configuration.copies = options.copies
        configuration.keepalive = options.keepaliveSettings
        self.configuration = configuration
        service = embeds ? EmbeddedSignal(random: &random, now: MonotonicClock.now) : nil
        self.network = network
        self.socket = socket
    }

    /// Whether a router may stand between us and the others, and a port there is of use.
    var isBehindRouter: Bool {
        let meetsOthers = service == nil ? !network.includesLoopback : reach?.outside == .forward
        return options.rungs.allowsDirect && meetsOthers
            && network.addresses.contains { $0.isPrivate }
    }

    /// The network thread, not yet started.
    consuming func makeThread(_ machine: consuming RoomMachine, link: RoomLink)
        throws(CallFailure) -> RoomThread
    {
        let (voice, service, network) = (engine, service, network)
        let spare = service == nil ? SpareSignal(options, network) : nil
        do throws(SystemError) {
            return RoomThread(
                try RoomLoop(
                    socket: socket, machine: machine, voice: voice, link: link,
                    network: network, service: service, spare: spare,
                    isFound: options.usesLocalNetwork))
        } catch {
            throw CallFailure(.unavailable, "the system refused \(error.call): \(error)")
        }
    }

    /// Where the secrets of this process live; from here on it leaves no core file.
    static func makeArena() throws(CallFailure) -> SecretArena {
        _ = vc_forbid_core_dumps()
        guard let arena = SecretArena() else {
            throw CallFailure(.unavailable, "the cryptographic library could not be started")
        }
        return arena
    }

    private static func engine(_ options: CallOptions, random: inout SystemRandom)
        throws(CallFailure) -> AudioEngine
    {
        var configuration = options.engine
        configuration.firstSequence = random.next()
        configuration.firstTimestamp = random.next()
        let plugin = try options.insert.map { choice throws(CallFailure) in
            try CallSetup.plugin(choice)
        }
        do throws(DeviceError) {
            let engine = try AudioEngine(configuration, plugin: plugin)
            try engine.start()
            engine.setEqualizer(options.equalizer.setting)
            if let path = options.record { try engine.startRecording(to: path) }
            return engine
        } catch {
            throw CallFailure(
                error.isUnreadableFile ? .unreadableFile : .unavailable,
                "\(error)\(advice(error))")
        }
    }

    private static func advice(_ error: DeviceError) -> String {
        guard case .unavailable(let device, _) = error, device.hasPrefix("alsa:") else { return "" }
        return "; `vc devices` lists what there is, and a call also works with "
            + "--capture silence or --playback silence"
    }

    private static func plugin(_ choice: PluginChoice) throws(CallFailure) -> Plugin {
        do throws(PluginError) {
            return try Plugin(choice)
        } catch {
            throw CallFailure(
                error.isUnreadableFile ? .unreadableFile : .usage, "--insert: \(error)")
        }
    }

    private static func socket(_ options: CallOptions, embeds: Bool) throws(CallFailure)
        -> UDPSocket
    {
        var local = Endpoint.anyAddress(port: embeds ? signalPort : 0)
        if let listen = options.listen {
            local = .anyAddress(port: listen.port)
            if let address = listen.address {
                local = try resolve(address, port: listen.port)
            }
        }
        do throws(SocketError) {
            return try UDPSocket(bindingTo: local)
        } catch {
            throw CallFailure(.unavailable, "\(error)")
        }
    }

    private static func resolve(_ host: String, port: UInt16) throws(CallFailure) -> Endpoint {
        do throws(ResolveError) {
            let text = host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
            return try Resolver.listenEndpoint(text)
        } catch {
            throw CallFailure(.usage, "--listen: \(error)")
        }
    }

    /// - Parameter isNeeded: false where the room may be elsewhere, too.
    private static func resolve(
        _ server: ServerName, isNeeded: Bool
    ) throws(CallFailure) -> [Endpoint] {
        do throws(ResolveError) {
            return try Resolver.resolve(
                HostPort(host: server.host, port: server.port), defaultPort: signalPort)
        } catch {
            guard isNeeded else {
                StandardStream.diagnostics.write(line: "vc: \(error)")
                return []
            }
            throw CallFailure(.unavailable, "\(error)")
        }
    }

    /// Where others reach a server on our socket.
    static func advertised(
        _ options: CallOptions, port: UInt16, _ addresses: [Endpoint]
    ) throws(CallFailure) -> ServerName? {
        if let given = options.advertise {
            return ServerName(
                ServerName.text(given.host, port: given.port ?? port, usual: signalPort))
        }
        // Where one address is listened at, no other one leads here.
        let chosen = options.listen?.address.flatMap { try? resolve($0, port: port) }
        let address = chosen ?? DefaultRoute.address ?? addresses.first
        guard let address else {
            throw CallFailure(
                .unavailable, "this machine has no network address; say one with --advertise")
        }
        return ServerName(
            ServerName.text(address.addressDescription, port: port, usual: signalPort))
    }
}

extension ServerName {
    /// `host[:port]`, the port only where it is not the usual one.
    static func text(_ host: String, port: UInt16, usual: UInt16) -> String {
        if port == usual { return host }
        return host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
    }
}

extension DeviceChoice {
    /// As it is typed.
    var spelling: String {
        switch self {
        case .alsa(let name): "alsa:" + name
        case .file(let path): "file:" + path
        case .tone(let hertz): "tone:\(hertz)"
        case .silence: "silence"
        }
    }

    var device: DeviceName {
        switch self {
        case .alsa(let name): .alsa(name)
        case .file(let path): .file(path)
        case .tone(let hertz): .tone(hertz: Double(hertz))
        case .silence: .silence
        }
    }
}

extension FrameLength {
    var duration: FrameDuration {
        switch self {
        case .twoAndAHalf: .twoAndAHalfMilliseconds
        case .five: .fiveMilliseconds
        case .ten: .tenMilliseconds
        case .twenty: .twentyMilliseconds
        }
    }
}
