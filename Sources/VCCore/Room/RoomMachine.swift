/// One member's whole room: signaling, join, sessions, paths and chat, without a socket, a clock or
/// a thread.
///
/// ```
///   host    opening --leased--> inRoom ------------------------------+
///   joiner  finding --reachable--> joining --welcome--> inRoom       |
///              |                      |                   |          |
///              +---- ended <----------+----- leaving <----+----------+
/// ```
///
/// A shell feeds it datagrams and voice frames, calls `handleTimeout` at `nextTimeout`, then drains
/// `pollTransmit` and `pollEvent`. Voice goes past the queues: `sealVoice` and `receive` work in
/// the shell's own buffers and allocate nothing.
public struct RoomMachine: ~Copyable {
    /// A member without any working address of the host gives up after this.
    static let pathPatience = Duration.seconds(10)
    /// A leave is repeated this often, and this many times at most, until it is acknowledged.
    static let leaveInterval = Duration.milliseconds(100)
    static let maximumLeaves = 5
    /// So many of them wait for a successor to have what a host needs.
    static let supplyLeaves = 2
    /// Who joined is shown with its name, or without it after this.
    static let namePatience = Duration.seconds(2)
    /// Who joins sees the others with their names, or without them after this.
    static let joinPatience = Duration.milliseconds(250)
    /// The host is asked for the roster, and answers, at most this often.
    static let askInterval = Duration.seconds(1)
    /// A number that was somebody's is not given to a member that comes from another room for this
    /// long.
    static let numberRest = Duration.seconds(180)

    enum Phase: Equatable {
        /// Host: waits for a nameplate.
        case opening
        /// Joiner: waits for the signaling server.
        case finding
        /// Joiner: the join is under way.
        case joining
        case inRoom
        /// Says goodbye.
        case leaving
        case ended
    }

    var configuration: RoomConfiguration
    let arena: SecretArena
    let keys: KeyPair
    var random: AnyRandomSource
    var phase: Phase
    var signal: SignalClient
    /// The relays, and the key that our tickets are for.
    var relays = RelayTable()
    let relayKey: SigningKey
    var mapping = MappingProbe()
    var birthday = BirthdayMachine()
    /// Rises when a member is removed, so that its ticket ends.
    var ticketGeneration: UInt32 = 1
    /// Host: when all tickets are asked for again.
    var nextTickets = Instant.distantFuture
    var outbox = TransmitQueue()
    /// Host: how much it forwards.
    var forwards = ForwardAllowance()
    var events: [RoomEvent] = []
    var peers = PeerTable()
    var shelf = PeerShelf()

    // What the room is.
    var room: RoomID
    var roster: Roster
    var number: UInt8
    var roomKey: SecretBytes

    /// Who was a member and is not any more; what tries again with such a key is refused.
    var tombstones = Tombstones()
    /// Joiner: whether the host has shown us the room with us in it. Before that nobody else knows
    /// us.
    var isConfirmed = false
    /// Somebody was shown another roster than we: newcomers count for nothing.
    var isDisputed = false
    /// When the host may be asked for the roster again.
    var nextAsk = Instant.zero
    /// Whether the way through the host was open when it was last looked at.
    var hostRouteIsOpen = false
    /// For what hosts that have not met say to each other through us.
    var introductions = RateAllowance(perSecond: RoomMachine.introductionsPerSecond)
    var couriers = RateAllowance(perSecond: RoomMachine.couriersPerSecond)
    var carried = RateAllowance(perSecond: RoomMachine.carriedPerSecond)
    var safety: SafetyWords
    /// The roster that `safety` has.
    var comparedRoster: Roster?

    /// Who is host after the host.
    var succession = SuccessionState()
    /// Whether a path to a host was ever there.
    var hasReachedHost = false

    // The host's.
    /// When each number was last given back.
    var numberFreedAt = [Instant?](repeating: nil, count: Limits.members + 1)
    var door: HostDoor?
    var code: RoomCode?
    /// Codes that let one guest in.
    var invites: [InviteCode] = []
    /// Nobody is let in.
    var isLocked = false
    /// Who was removed, as far as somebody has not heard of it.
    var removals = RemovalNotices()
    var farewells: [Farewell] = []
    // The joiner's.
    var joiner: JoinerMachine?
    var attempt = 0
    var joinedAt = Instant.zero
    /// The receiver index that J2 named.
    var joinIndex: UInt32 = 0
    var hasJoined = false

    /// Joiner: looks for the room in the local network.
    var search: LocalSearch?
    /// The host that was found there, and its link-local addresses.
    var foundHost: (key: PublicKey, addresses: [Endpoint])?

    // Of a phrase.
    var tune: TuneMachine?
    /// Host: the lease under which the room is found.
    var tuneLease: UInt32?
    /// Host: the room to which the members are sent, and until when we wait for them.
    var moving: TuneMeeting?
    var movingDeadline = Instant.zero
    var tuneRetries = 0
    /// Holds the client that gives a lease back which we had.
    var oldLease: TuneTry?

    // The person's.
    var name: DisplayText
    var isMuted = false
    /// Whether what we hear is recorded.
    var isRecording = false
    var nextChat: UInt64 = 1
    var chatAllowance = ChatAllowance()
    var heldChat: [HeldChat] = []
    /// Whether only those hear us who are whispered to.
    var isWhispering = false
    /// Who was told to the person.
    var toldWhisper: [UInt8] = []
    /// This machine's addresses with our port.
    var ownCandidates: [Endpoint]
    /// Our address as the server last saw it.
    var observed: Endpoint?
    /// The address that a router's port mapping gave us.
    var mapped: Endpoint?
    var local: LocalAddresses
    /// When our addresses or our port last changed.
    var lastPort = Instant.zero

    /// The transaction of the probe that is being sent.
    var probeTransaction: UInt64 = 0
    /// What is wrong with vc-signal, as it was told.
    var signalTrouble: RoomWarning?

    // Leaving.
    var leaveCount = 0
    var nextLeave = Instant.zero
    var endReason = EndReason.left
    var leaveReason = LeaveReason.leaves

    /// When `handleTimeout` is next needed.
    public private(set) var nextTimeout = Instant.zero
    public internal(set) var counters = RoomCounters()
    /// The voice frames that were sent last.
    var recentFrames = FrameCopies()

    /// A host that opens a room.
    public init(
        hosting configuration: RoomConfiguration, arena: SecretArena, random: AnyRandomSource,
        now: Instant
    ) {
        var random = random
        let keys = KeyPair(random: &random, arena: arena)
        relayKey = SigningKey(random: &random, arena: arena)
        let room = RoomID(random: &random)
        signal = RoomMachine.claimingClient(
            for: room, configuration, arena: arena, random: &random, now: now)
        roomKey = SecretBytes(random: &random, count: 32, in: arena)
        roster = Roster(host: keys.publicKey)
        number = 1
        safety = SafetyWords(local: keys.publicKey, room: room, arena: arena)
        phase = .opening
        self.configuration = configuration
        self.arena = arena
        self.keys = keys
        self.room = room
        self.random = random
        name = configuration.name
        ownCandidates = configuration.candidates
        local = configuration.local
        isMuted = configuration.isMuted
    }

    /// The host's signaling client, with a claim token of its own. (A function that is never
    /// inlined: inside others the optimiser of Swift 6.3 fails on the borrow of the token.)
    ///
    /// - Parameter bucket: of a phrase.
    @inline(never) static func claimingClient(
        for room: RoomID, bucket: UInt16? = nil, _ configuration: RoomConfiguration,
        arena: SecretArena, random: inout AnyRandomSource, now: Instant
    ) -> SignalClient {
        let token = SecretBytes(random: &random, count: 32, in: arena)
        return SignalClient(
            servers: configuration.servers, hosting: room.block, claimToken: token.span,
            arena: arena, bucket: bucket, hostToken: configuration.hostToken, random: &random,
            now: now)
    }

    /// A joiner with a code.
    public init(
        joining code: consuming RoomCode, _ configuration: RoomConfiguration, arena: SecretArena,
        random: AnyRandomSource, now: Instant
    ) {
        var random = random
        let keys = KeyPair(random: &random, arena: arena)
        relayKey = SigningKey(random: &random, arena: arena)
        signal = SignalClient(
            servers: configuration.servers, joining: code.nameplate,
            relayKey: relayKey.verifyKey, random: &random, now: now)
        roomKey = SecretBytes(count: 32, in: arena)
        roster = Roster(host: keys.publicKey)
        room = RoomID(random: &random)
        number = 0
        safety = SafetyWords(local: keys.publicKey, room: room, arena: arena)
        phase = .finding
        self.configuration = configuration
        self.arena = arena
        self.keys = keys
        self.random = random
        self.code = consume code
        name = configuration.name
        ownCandidates = configuration.candidates
        local = configuration.local
        isMuted = configuration.isMuted
        if configuration.servers.isEmpty, configuration.searchesLocalNetwork {
            beginSearch(after: nil, now: now)
        }
    }

    /// Whether we let newcomers in and say who is a member. The host may change.
    public var isHost: Bool { number == roster.host }

    /// Whether nothing more will happen.
    public var isEnded: Bool { phase == .ended }

    /// Our number, once in the room.
    public var memberNumber: UInt8? { hasJoined || isHost ? number : nil }

    /// Numbers of the members whose voice may come and go.
    public var memberNumbers: [UInt8] {
        peers.numbers.filter { peers[$0].isMember }.map { UInt8($0) }
    }

    // MARK: Output

    /// Writes the next datagram into `target`, which has room for `Limits.datagram` bytes.
    @unsafe public mutating func pollTransmit(into target: UnsafeMutableRawBufferPointer)
        -> Transmit?
    {
        if let transmit = unsafe outbox.pop(into: target) { return transmit }
        var writer = unsafe ByteWriter(MutableRawSpan(_unsafeBytes: target))
        if let (destination, count) = signal.pollTransmit(into: &writer) {
            return Transmit(destination: destination, size: count)
        }
        for invite in invites {
            guard let (destination, count) = invite.signal.pollTransmit(into: &writer) else {
                continue
            }
            return Transmit(destination: destination, size: count)
        }
        if let (server, count) = pollTuneTransmit(into: &writer) {
            return Transmit(destination: server, size: count)
        }
        if let (server, count) = mapping.pollTransmit(into: &writer) {
            return Transmit(destination: server, size: count)
        }
        return relays.pollTransmit(into: &writer)
    }

    /// The next thing to tell.
    public mutating func pollEvent() -> RoomEvent? {
        events.isEmpty ? nil : events.removeFirst()
    }

    /// Writes the room code as people pass it on. The caller wipes what it gave.
    public func writeCode(into writer: inout ByteWriter) {
        switch code {
        case .some(let code): code.write(into: &writer)
        case .none: return
        }
    }

    /// The room code, in memory of its own.
    public func copyCode() -> RoomCode? {
        switch code {
        case .some(let code): code.duplicate()
        case .none: nil
        }
    }

    // MARK: Time

    /// Does everything that is due, and sets `nextTimeout`.
    public mutating func handleTimeout(now: Instant) {
        guard phase != .ended else {
            nextTimeout = .distantFuture
            return
        }
        if let due = signal.pollTimeout(), now >= due { signal.handleTimeout(now: now) }
        handleSignalEvents(now: now)
        driveRelays(now: now)
        driveHostRoutes(now: now)
        driveDoor(now: now)
        driveInvites(now: now)
        driveSearch(now: now)
        driveJoin(now: now)
        driveTrust(now: now)
        driveTune(now: now)
        driveBirthday(now: now)
        driveChat(now: now)
        for number in peers.numbers where peers.contains(number) { drivePeer(number, now: now) }
        driveSuccession(now: now)
        clearShelf(now: now)
        driveLeave(now: now)
        nextTimeout = phase == .ended ? .distantFuture : earliestTimeout(now: now)
    }

    /// Something was done that `handleTimeout` must look at.
    mutating func wake(_ now: Instant) {
        nextTimeout = min(nextTimeout, now)
    }

    private func earliestTimeout(now: Instant) -> Instant {
        var earliest = signal.pollTimeout() ?? .distantFuture
        earliest = min(earliest, min(relays.timeout, min(mapping.timeout, nextTickets)))
        earliest = min(earliest, min(birthday.timeout, min(trustTimeout, tuneTimeout())))
        for invite in invites { earliest = min(earliest, invite.timeout(now: now)) }
        switch door {
        case .some(let door): earliest = min(earliest, door.timeout(now: now) ?? .distantFuture)
        case .none: break
        }
        switch joiner {
        case .some(let joiner): earliest = min(earliest, joiner.timeout ?? .distantFuture)
        case .none: break
        }
        for number in peers.numbers { earliest = min(earliest, peerTimeout(number, now: now)) }
        earliest = min(earliest, min(shelf.timeout, min(chatTimeout(now: now), searchTimeout)))
        if phase == .leaving { earliest = min(earliest, nextLeave) }
        earliest = min(earliest, successionTimeout(now: now))
        if phase == .inRoom, !isHost { earliest = min(earliest, now + .seconds(1)) }
        // Never at once again: what is due was just done.
        return max(earliest, now + .milliseconds(1))
    }
}

/// What a room is made with.
public struct RoomConfiguration: Sendable {
    public var isHost: Bool
    /// Where vc-signal may be.
    public var servers: [Endpoint]
    /// What goes behind the `@` of the code.
    public var advertised: ServerName?
    public var name: DisplayText
    public var isMuted: Bool
    /// This machine's addresses with the port of the socket.
    public var candidates: [Endpoint]
    public var local: LocalAddresses
    /// Members at most, the host included.
    public var capacity: Int
    /// Which ways the call may take.
    public var rungs: RungPolicy
    /// The earlier frames that each packet of ours carries, for everybody and whatever the network
    /// does; nil: those that a member's losses call for.
    public var copies: LossControl.Copies?
    /// How paths to the others are kept open, and when they are given up.
    public var keepalive = KeepaliveSettings()
    /// Host: what a signaling server wants to see that does not open rooms for everybody.
    public var hostToken: HostToken?
    /// Joiner: whether the room is looked for in the local network where no server has it.
    public var searchesLocalNetwork: Bool

    public init(
        isHost: Bool, servers: [Endpoint], advertised: ServerName? = nil, name: DisplayText,
        isMuted: Bool = false, candidates: [Endpoint], local: LocalAddresses,
        capacity: Int = Limits.members, rungs: RungPolicy = RungPolicy(),
        hostToken: HostToken? = nil, searchesLocalNetwork: Bool = false
    ) {
        precondition((2...Limits.members).contains(capacity))
        self.isHost = isHost
        self.servers = servers
        self.advertised = advertised
        self.name = name
        self.isMuted = isMuted
        self.candidates = candidates
        self.local = local
        self.capacity = capacity
        self.rungs = rungs
        self.hostToken = hostToken
        self.searchesLocalNetwork = searchesLocalNetwork
    }
}

/// What a room dropped. Each rises at most once per datagram received.
public struct RoomCounters: Equatable, Sendable {
    /// Neither signaling, handshake nor sealed, or too short to be.
    public var unknown: UInt64 = 0
    /// Sealed under no session of ours, altered, replayed or out of time.
    public var unopened: UInt64 = 0
    /// A handshake that names no member, or that nobody could have sent.
    public var strayHandshakes: UInt64 = 0
    /// Opened, and then not understood.
    public var malformed: UInt64 = 0
    /// Straight from where the person wants to meet nobody.
    public var unadmitted: UInt64 = 0
    /// Chat above what a member may say.
    public var flooded: UInt64 = 0
    /// Asked of the host to be forwarded, or forwarded by it, against the rules.
    public var unforwarded: UInt64 = 0
    /// Host: forwarded.
    public var forwarded: UInt64 = 0
    /// Opened. Divide the others by it.
    public var opened: UInt64 = 0
}
