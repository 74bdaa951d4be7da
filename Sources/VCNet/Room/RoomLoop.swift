public import VCCore

/// The network thread of a call: one socket, one machine, and the rings to the audio threads. It
/// feeds the machine and obeys it. Beside the socket there are TCP connections, where the machine
/// sends to such endpoints, and a watch on this machine's addresses.
///
/// Per voice packet it allocates nothing and takes no lock. (On that way there are no `for` loops:
/// their iterators allocate in builds that are not optimised.)
public struct RoomLoop: ~Copyable {
    private enum Token {
        static let socket: UInt64 = 0
        static let capture: UInt64 = 1
        static let command: UInt64 = 2
        static let addresses: UInt64 = 3
        static let questions: UInt64 = 4
        static let answers: UInt64 = 5
        static let streams: Range<UInt64> = 16..<32
        static let extraSockets: Range<UInt64> = 256..<512
    }

    /// A change of address comes as several messages; they are looked at together.
    private static let settling = Duration.milliseconds(100)
    /// The time to live of what is sent, unless the machine says otherwise (RFC 1700).
    private static let usualHops: UInt8 = 64
    /// How often a socket is read before timers and our own voice have their turn.
    private static let roundsPerTurn = 8

    private var socket: UDPSocket
    private var streams = StreamTable(tokens: Token.streams, limits: .client)
    private var extraSockets = ExtraSockets(tokens: Token.extraSockets)
    private let network: any LocalNetwork
    private let addressWatch: AddressWatch?
    private var recheckAddresses = Instant.distantFuture
    private var machine: RoomMachine
    private let voice: any VoicePort
    private let link: RoomLink
    private var service: (any DatagramService)?
    private let spare: (any SpareService)?
    private var discovery = LocalDiscovery(
        hearingToken: Token.questions, askingToken: Token.answers)
    /// Whether rooms of `service` can be found by others in the local network.
    private let isFound: Bool
    private var poller: Poller
    private var incoming = ReceiveBatch(slots: 16)
    private var outgoing = SendBatch(slots: 32)
    /// For datagrams whose time to live is not the usual one.
    private var single = SendBatch(slots: 1)
    /// Something other than voice came in, so that there may be something to send or to tell.
    private var hasWork = true
    /// When the machine or the server has to be driven.
    private var deadline = Instant.zero

    /// - Parameters:
    ///   - network: tells this machine's addresses again when they change.
    ///   - service: a server that shares the socket, or nil.
    ///   - spare: makes one, should the room need it because the host that had one is gone.
    ///   - isFound: whether who asks in the local network is told of the rooms of either.
    public init(
        socket: consuming UDPSocket, machine: consuming RoomMachine, voice: any VoicePort,
        link: RoomLink, network: any LocalNetwork, service: (any DatagramService)?,
        spare: (any SpareService)? = nil, isFound: Bool = false
    ) throws(SystemError) {
        let poller = try Poller()
        try poller.add(socket.descriptorNumber, token: Token.socket)
        try poller.addSignal(voice.captureReady, token: Token.capture)
        try poller.add(link.commandReady.descriptorNumber, token: Token.command)
        self.voice = voice
        self.link = link
        self.service = service
        self.spare = spare
        self.poller = poller
        self.machine = machine
        self.socket = socket
        self.network = network
        self.isFound = isFound
        // Without netlink, changes are noticed when nothing is answered any more.
        addressWatch = try? AddressWatch()
        watchAddresses()
        if service != nil { hearNeighbours() }
    }

    private func watchAddresses() {
        switch addressWatch {
        case .some(let watch):
            try? poller.add(watch.descriptorNumber, token: Token.addresses)
        case .none: return
        }
    }

    /// Runs until the room has ended and everything was told.
    public mutating func run() throws(SystemError) {
        defer { link.tell(.closed) }
        advance(now: MonotonicClock.now)
        while !machine.isEnded {
            let ready = try poller.wait(until: min(deadline, machine.nextTimeout))
            let now = MonotonicClock.now
            var index = 0
            while index < ready {
                let readiness = poller.readiness(index)
                switch readiness.token {
                case Token.socket: receive(now: now)
                case Token.capture: sendVoice(now: now)
                case Token.command: obey(now: now)
                case Token.addresses: noteAddresses(now: now)
                case _: receive(readiness, now: now)
                }
                index += 1
            }
            // What voice sets off in the machine it asks for by its time-out.
            if hasWork || now >= min(deadline, machine.nextTimeout) { advance(now: now) }
        }
    }

    // MARK: Voice

    private mutating func receive(now: Instant) {
        var rounds = 0
        repeat {
            rounds += 1
            let count = incoming.receive(from: socket)
            var index = 0
            while index < count {
                unsafe dispatch(incoming.bytes(index), from: incoming.source(index), now: now)
                index += 1
            }
            // A host forwards many packets of one reading: they must not wait for the next ones.
            if hasWork, incoming.isFull { while transmit(now: now) {} }
        } while incoming.isFull && rounds < RoomLoop.roundsPerTurn
    }

    /// What one of the other sockets brings: nothing that is for the service.
    private mutating func receive(fromExtra number: UInt8, now: Instant) {
        var rounds = 0
        repeat {
            rounds += 1
            let count = extraSockets.receive(from: number, into: &incoming)
            var index = 0
            while index < count {
                let source = incoming.source(index).through(socket: number)
                unsafe takeFromMember(incoming.bytes(index), from: source, now: now)
                index += 1
            }
        } while incoming.isFull && rounds < RoomLoop.roundsPerTurn
    }

    /// What a TCP connection brings, or another socket.
    private mutating func receive(_ readiness: Poller.Readiness, now: Instant) {
        if let number = extraSockets.number(of: readiness.token) {
            return receive(fromExtra: number, now: now)
        }
        if readiness.token == Token.questions { return answerQuestions(now: now) }
        if readiness.token == Token.answers { return readAnswers(now: now) }
        guard streams.owns(readiness.token) else { return }
        streams.handle(readiness, poller: poller, now: now)
        while let datagram = streams.nextDatagram(now: now) {
            unsafe dispatch(datagram.bytes, from: datagram.source, now: now)
        }
        hasWork = true
    }

    private mutating func dispatch(
        _ datagram: UnsafeMutableRawBufferPointer, from source: Endpoint, now: Instant
    ) {
        if let service, unsafe RoomLoop.mayBeRequest(datagram) {
            let request = unsafe RawSpan(_unsafeBytes: UnsafeRawBufferPointer(datagram))
            if service.handle(request, from: source, now: now) {
                hasWork = true
                return
            }
        }
        unsafe takeFromMember(datagram, from: source, now: now)
    }

    private mutating func takeFromMember(
        _ datagram: UnsafeMutableRawBufferPointer, from source: Endpoint, now: Instant
    ) {
        guard let arrival = unsafe machine.receive(datagram, from: source, now: now) else {
            hasWork = true
            return
        }
        if let copy = unsafe arrival.blocks.second { unsafe receive(copy, of: arrival, now: now) }
        if let copy = unsafe arrival.blocks.first { unsafe receive(copy, of: arrival, now: now) }
        let frame = unsafe VoiceFrame(
            sequence: arrival.header.sequence, timestamp: arrival.header.timestamp,
            level: arrival.header.level, flags: FrameFlags(rawValue: arrival.header.frameFlags),
            instant: now)
        unsafe voice.receive(
            frame, payload: RawSpan(_unsafeBytes: arrival.frame), slot: Int(arrival.member) - 1)
    }

    /// Hands over a frame that was sent before, in case it was lost then.
    private func receive(_ copy: VoiceBlocks.Copy, of arrival: VoiceArrival, now: Instant) {
        let frame = unsafe VoiceFrame(
            sequence: arrival.header.sequence &- UInt16(copy.framesBack),
            timestamp: arrival.header.timestamp &- UInt32(copy.samplesBack),
            level: arrival.header.level,
            flags: FrameFlags(rawValue: arrival.header.flags & VoiceHeader.whisper).union(.copy),
            instant: now)
        unsafe voice.receive(
            frame, payload: RawSpan(_unsafeBytes: copy.frame), slot: Int(arrival.member) - 1)
    }

    /// STUN and signaling go to the embedded server first; it leaves alone what is no request.
    private static func mayBeRequest(_ datagram: UnsafeMutableRawBufferPointer) -> Bool {
        guard datagram.count > 0 else { return false }
        let first = unsafe datagram[0]
        return first == PacketType.signal || PacketType.stun ~= first
    }

    private mutating func sendVoice(now: Instant) {
        while voice.capturedFrames.pop({ frame, payload in
            let header = VoiceHeader(
                flags: frame.flags.rawValue, sequence: frame.sequence, timestamp: frame.timestamp,
                level: frame.level)
            unsafe payload.withUnsafeBytes { bytes in
                var member: UInt8 = 1
                while member <= UInt8(Limits.members) {
                    unsafe send(header, bytes, to: member, now: now)
                    member += 1
                }
            }
        }) {}
        outgoing.flush(through: socket)
    }

    private mutating func send(
        _ header: VoiceHeader, _ frame: UnsafeRawBufferPointer, to member: UInt8, now: Instant
    ) {
        if outgoing.isFull { outgoing.flush(through: socket) }
        guard let packet = unsafe outgoing.reserve(),
            let (destination, size) = unsafe machine.sealVoice(
                header, frame, for: member, into: packet, now: now)
        else { return }
        emit(Transmit(destination: destination, size: size), now: now)
    }

    /// Puts the datagram that was made in the reserved memory on its way.
    private mutating func emit(_ transmit: Transmit, now: Instant) {
        if transmit.destination.transport == .tcp {
            guard let packet = unsafe outgoing.reserve() else { return }
            let datagram = unsafe UnsafeRawBufferPointer(rebasing: packet[..<transmit.size])
            unsafe streams.send(
                RawSpan(_unsafeBytes: datagram), to: transmit.destination, poller: poller,
                now: now)
        } else if transmit.destination.socket != 0 {
            guard let packet = unsafe outgoing.reserve() else { return }
            unsafe extraSockets.send(
                UnsafeRawBufferPointer(rebasing: packet[..<transmit.size]), as: transmit,
                hops: RoomLoop.usualHops)
        } else if let hops = transmit.hops {
            guard let packet = unsafe outgoing.reserve(), let alone = unsafe single.reserve()
            else { return }
            unsafe alone.copyMemory(
                from: UnsafeRawBufferPointer(rebasing: packet[..<transmit.size]))
            single.commit(transmit.size, to: transmit.destination)
            socket.setTimeToLive(hops)
            single.flush(through: socket)
            socket.setTimeToLive(RoomLoop.usualHops)
        } else {
            outgoing.commit(transmit.size, to: transmit.destination)
        }
    }

    // MARK: The local network

    private mutating func hearNeighbours() {
        guard isFound, !discovery.hear(poller) else { return }
        link.tell(.room(.warning(.notFoundNearby)))
    }

    private mutating func answerQuestions(now: Instant) {
        guard let service else { return }
        discovery.read(Token.questions)
        while let (answer, asker) = discovery.nextAnswer(for: service, now: now) {
            if outgoing.isFull { outgoing.flush(through: socket) }
            guard let packet = unsafe outgoing.reserve() else { break }
            var writer = unsafe ByteWriter(MutableRawSpan(_unsafeBytes: packet))
            answer.encode(into: &writer)
            outgoing.commit(writer.count, to: asker)
        }
        outgoing.flush(through: socket)
    }

    private mutating func readAnswers(now: Instant) {
        discovery.read(Token.answers)
        while let (datagram, source) = unsafe discovery.nextReply() {
            _ = unsafe machine.receive(datagram, from: source, now: now)
        }
        hasWork = true
    }

    private mutating func askNeighbours(now: Instant) {
        guard machine.isSearching else { return discovery.stopAsking() }
        guard let packet = unsafe outgoing.reserve(),
            let size = unsafe machine.pollQuery(into: packet, now: now)
        else { return }
        let question = unsafe UnsafeRawBufferPointer(rebasing: packet[..<size])
        discovery.ask(unsafe RawSpan(_unsafeBytes: question), poller)
    }

    // MARK: The rest

    /// Lets the machines do what is due, and sends what they have.
    private mutating func advance(now: Instant) {
        if now >= machine.nextTimeout { machine.handleTimeout(now: now) }
        if let service, let due = service.pollTimeout(), now >= due {
            service.handleTimeout(now: now)
        }
        if now >= streams.nextTimeout { streams.handleTimeout(now: now) }
        if now >= recheckAddresses { readAddresses(now: now) }
        if machine.needsNewPort(now: now) { openNewPort(now: now) }
        let sockets = machine.socketsNeeded
        extraSockets.openMissing(
            of: sockets, beside: socket.localEndpoint, poller: poller)
        while transmit(now: now) {}
        outgoing.flush(through: socket)
        askNeighbours(now: now)
        extraSockets.closeOthers(than: sockets)
        while streams.pollEvent() != nil {}
        tell(now: now)
        hasWork = false
        deadline = min(machine.nextTimeout, service?.pollTimeout() ?? .distantFuture)
        deadline = min(deadline, min(streams.nextTimeout, recheckAddresses))
    }

    // MARK: Addresses

    private mutating func noteAddresses(now: Instant) {
        switch addressWatch {
        case .some(let watch):
            if watch.acknowledge() {
                recheckAddresses = min(recheckAddresses, now + RoomLoop.settling)
                deadline = min(deadline, recheckAddresses)
            }
        case .none: return
        }
    }

    private mutating func readAddresses(now: Instant) {
        recheckAddresses = .distantFuture
        discovery.linksChanged()
        let (candidates, local) = network.addresses(port: socket.localEndpoint.port)
        // Between two networks there may be no address at all; the next message brings one.
        guard !candidates.isEmpty else { return }
        machine.addressesChanged(candidates, local: local, now: now)
        link.tell(.networkChanged(port: socket.localEndpoint.port))
    }

    /// The old port is stuck in some NAT: everything goes on from another one.
    private mutating func openNewPort(now: Instant) {
        guard network.mayChangePort, service == nil, let fresh = try? UDPSocket() else {
            machine.portKept(now: now)
            return
        }
        do throws(SystemError) {
            try poller.add(fresh.descriptorNumber, token: Token.socket)
            try poller.remove(socket.descriptorNumber)
        } catch {
            machine.portKept(now: now)
            return
        }
        socket = fresh
        readAddresses(now: now)
        machine.portKept(now: now)
        if now >= machine.nextTimeout { machine.handleTimeout(now: now) }
    }

    /// Moves what waits to the socket, or between the machine and the server beside it. Returns
    /// whether the two talked, so that there may be more.
    private mutating func transmit(now: Instant) -> Bool {
        var talked = false
        while true {
            if outgoing.isFull { outgoing.flush(through: socket) }
            guard let packet = unsafe outgoing.reserve(),
                let transmit = unsafe machine.pollTransmit(into: packet)
            else { break }
            if let service, transmit.destination == service.localClient {
                let request = unsafe UnsafeRawBufferPointer(rebasing: packet[..<transmit.size])
                _ = unsafe service.handle(
                    RawSpan(_unsafeBytes: request), from: transmit.destination, now: now)
                talked = true
            } else {
                emit(transmit, now: now)
            }
        }
        guard let service else { return false }
        while true {
            if outgoing.isFull { outgoing.flush(through: socket) }
            guard let packet = unsafe outgoing.reserve() else { break }
            var writer = unsafe ByteWriter(MutableRawSpan(_unsafeBytes: packet))
            guard let (destination, size) = service.pollTransmit(into: &writer) else { break }
            if destination == service.localClient {
                let answer = unsafe UnsafeMutableRawBufferPointer(rebasing: packet[..<size])
                _ = unsafe machine.receive(answer, from: destination, now: now)
                talked = true
            } else {
                outgoing.commit(size, to: destination)
            }
        }
        if talked, now >= machine.nextTimeout { machine.handleTimeout(now: now) }
        return talked
    }

    private mutating func tell(now: Instant) {
        while let event = machine.pollEvent() {
            if event == .signalNeeded {
                openService(now: now)
                continue
            }
            if case .open = event { link.setCode(machine.copyCode()) }
            if case .invited(let nameplate) = event { passInvite(nameplate) }
            link.tell(.room(event))
        }
    }

    /// The signaling server ended with the host that had it: this socket is its place now.
    private mutating func openService(now: Instant) {
        guard service == nil,
            let made = spare?.open(port: socket.localEndpoint.port, now: now)
        else { return }
        service = made.service
        hearNeighbours()
        machine.useEmbeddedSignal(
            made.service.localClient, advertised: made.advertised, now: now)
    }

    private func passInvite(_ nameplate: UInt32) {
        switch machine.copyInvite(nameplate) {
        case .some(let code): link.addInvite(code)
        case .none: return
        }
    }

    private mutating func obey(now: Instant) {
        hasWork = true
        _ = link.commandReady.acknowledge()
        while let command = link.nextCommand() {
            switch command {
            case .chat(let text):
                let listeners = machine.whisperListeners
                let id = machine.sendChat(text, now: now)
                link.tell(
                    id.map { id in
                        listeners.map { .whispered(id: id, text: text, to: $0) }
                            ?? .sent(id: id, text: text)
                    } ?? .notSent(text))
            case .name(let name): machine.setName(name, now: now)
            case .muted(let on): machine.setMuted(on, now: now)
            case .recording(let on): machine.setRecording(on, now: now)
            case .whisper(let members): machine.whisper(to: members, now: now)
            case .report(let report, let member): machine.sendReport(report, to: member, now: now)
            case .mapped(let endpoint): machine.setMapped(endpoint, now: now)
            case .refresh:
                link.setConnections(machine.memberNumbers.compactMap { machine.connection(of: $0) })
            case .leave: machine.leave(now: now)
            case .showCode: machine.showCode()
            case .inviteOnce: machine.inviteOnce(now: now)
            case .kick(let member): machine.kick(member, now: now)
            case .lock(let on): machine.setLocked(on, now: now)
            case .end: machine.endRoom(now: now)
            case .verify: machine.verify(now: now)
            case .confirm: machine.confirmSafety(now: now)
            }
        }
    }
}
