/// Another member: its keys, its stream, its paths. Everything belongs to its public key; the
/// number is a label.
///
/// ```
///   named by a roster --handshake, first packet under its keys--> met
/// ```
///
/// A joiner and its host have met from the start.
struct Peer: ~Copyable {
    /// A packet goes out at least this often, unless the person wants it oftener. It may be a fifth
    /// of that early, when something else is to be done (`KeepaliveSettings.slack`): so the
    /// keepalives of a whole room leave together, and a silent room wakes its members five times a
    /// second and not five times for each other member.
    static let keepaliveInterval = Duration.milliseconds(200)
    /// Through the mailbox, where packets are counted, this often.
    static let mailboxInterval = Duration.seconds(1)
    /// The mailbox of a join carries sealed packets for this long.
    static let mailboxLifetime = Duration.seconds(30)
    /// After the last frame of a talk spurt, a keepalive follows this soon.
    static let afterTalkSpurt = Duration.milliseconds(50)
    /// Silent for this long: `lost`.
    static let lostAfter = Duration.seconds(5)
    /// Silent for this long: out of the room.
    static let removedAfter = Duration.seconds(60)
    /// Silent for this long: it was taken out elsewhere by now, and our keys with it. It is not
    /// kept on a shelf there any more.
    static let forgottenAfter = removedAfter + PeerShelf.patience
    /// A joiner that proved the words but never spoke gives its number back after this.
    static let pendingLifetime = Duration.seconds(10)

    /// The room's number for it: the host of two rooms that became one gives others.
    var number: UInt8
    let key: PublicKey
    var slots: SessionSlots
    var rekey: Rekey
    var stream: ReliableStream
    var path: PathMachine

    /// What it calls itself; nil until it said so.
    var name: DisplayText?
    /// Whether it was shown to the person as a member.
    var isAnnounced = false
    /// Host: false until the first sealed packet of a joiner was opened.
    var isMember: Bool
    /// Whether both sides hold the keys of a handshake: then a packet under them was opened.
    var hasMet: Bool
    /// The host shows it to us and not to others, or the other way round: nothing is sealed for it.
    var isDisputed = false
    /// Another member says that it is not in the room any more; the host was not heard on it yet.
    var isAbsent = false
    /// Whether our voice goes to it.
    var mayHear: Bool { !isDisputed && !isAbsent }
    /// The version of the roster that brought it, and the last one on which it agreed with us.
    var enteredVersion: UInt32 = 0
    var agreedVersion: UInt32 = 0
    /// The version of the roster for which it named another one than ours; 0: never.
    var disputedVersion: UInt32 = 0
    /// A later version that it told of and the host has not spoken of yet, and one of which the
    /// host knew nothing.
    var hintedVersion: UInt32 = 0
    var refutedVersion: UInt32 = 0
    /// When it is listened to on that again.
    var nextHint = Instant.zero
    /// Host: when it may ask for the roster again.
    var nextAnswer = Instant.zero
    var isLost = false
    /// Whether it records what it hears, as it says.
    var isRecording = false
    /// Whether its microphone is closed; nil until it said so.
    var isMuted: Bool?
    /// What people are told of it: a hand that switches to and fro, and no program that does.
    var news = RateAllowance(perSecond: 10, burst: 60)
    var lastHeard: Instant
    var lastSent = Instant.zero
    let since: Instant
    /// Whether our addresses changed since the other side heard of them.
    var owesCandidates = false
    var nextCandidates = Instant.zero
    /// The mailbox of the join or of a resumption, and since when.
    var mailbox: UInt32?
    var mailboxSince: Instant
    /// Whether the ways of before lead nowhere, and the mailbox does.
    var isSought = false
    /// When it last fell silent for 5 s.
    var lostAt: Instant?
    /// The term of the roster that it follows, and the host of it, as it last said; and since when
    /// it is that host, while we followed the one that we do.
    var statedTerm: UInt32 = 0
    var statedHost: PublicKey?
    var statedHostSince = Instant.zero
    /// When a host that we met again, or a member that strayed, is told what we know.
    var nextStatement = Instant.distantFuture
    /// What relays check its tickets with; the host asks for them.
    var relayKey: VerifyKey?
    /// How its NAT maps, as it says.
    var mapping = NATMapping.unknown
    /// What became of trying many ports.
    var birthday = BirthdayHistory()
    /// Whether it told no address at all.
    var hidesAddresses = false
    /// Who carried something from it last.
    var courier: Int?
    /// Whether it told an address, or was found at one, where we allow no direct path.
    var isFiltered = false
    /// The way that was told to the person last.
    var toldReason: (rung: Rung, why: String)?
    /// When that is looked at again.
    var nextReason = Instant.distantFuture
    /// What the peer last reported about our voice.
    var report: ReceiverReport?
    /// When it last told that voice of ours has come: as good as an answer.
    var heardUs = Instant.zero
    /// What is done about the frames that it loses, and which ones it was sent last.
    var loss = LossControl()
    var sentFrames = SentFrames()
    /// The largest of our voice frames with its copies, in bytes.
    var largestFrame = 0
    /// Voice frames sealed for this peer.
    var voiceFramesSent: UInt64 = 0
    /// Whether it hears us while we whisper.
    var isWhisperedTo = false
    /// Voice frames that it did not get because they were whispered to others.
    var withheldFrames: UInt16 = 0
    /// Whether the next frame begins a talk for it, though not for others.
    var owesTalkSpurt = false
    /// What it may still say in chat.
    var chatAllowance = ChatAllowance(isReceiver: true)
    /// When the person was last told that it says too much.
    var toldFlood: Instant?

    init(
        number: UInt8, key: PublicKey, slots: consuming SessionSlots, rekey: consuming Rekey,
        stream: ReliableStream, isMember: Bool, hasMet: Bool = true, mailbox: UInt32?,
        keepalive: KeepaliveSettings, now: Instant
    ) {
        path = PathMachine(misses: keepalive.misses)
        self.number = number
        self.key = key
        self.slots = slots
        self.rekey = rekey
        self.stream = stream
        self.isMember = isMember
        self.hasMet = hasMet
        self.mailbox = mailbox
        mailboxSince = now
        lastHeard = now
        since = now
    }

    /// Renews the keys when it is time; returns whether the other side should be asked to.
    mutating func driveKeys(
        local: borrowing KeyPair, names: PairNumbers, freshIndex: UInt32,
        random: inout AnyRandomSource, now: Instant
    ) -> Bool {
        rekey.handleTimeout(
            slots: &slots, local: local, names: names, freshIndex: freshIndex, random: &random,
            now: now)
    }

    /// A handshake datagram; returns whether a packet must follow at once.
    mutating func handleHandshake(
        _ datagram: RawSpan, local: borrowing KeyPair, names: PairNumbers, freshIndex: UInt32,
        random: inout AnyRandomSource, now: Instant
    ) -> Bool {
        rekey.handle(
            datagram, slots: &slots, local: local, names: names, freshIndex: freshIndex,
            random: &random, now: now)
    }

    /// The mailbox, where it still carries packets and nothing better is there.
    func usableMailbox(now: Instant) -> UInt32? {
        (path.selected == nil || isSought) && now < mailboxSince + Peer.mailboxLifetime
            ? mailbox : nil
    }

    /// The way that packets take; none while only the mailbox may reach it.
    func way(now: Instant) -> Route? {
        isSought && usableMailbox(now: now) != nil ? nil : path.selected
    }

    /// A mailbox leads to it from now on. Of somebody who was lost nothing else is known to lead
    /// there, until something comes another way.
    mutating func open(mailbox: UInt32, now: Instant) {
        self.mailbox = mailbox
        mailboxSince = now
        guard isLost, !isSought else { return }
        isSought = true
        owesCandidates = true
        nextCandidates = now
        path.probeAgain(now: now)
    }

    /// Since when nothing of it is heard; `now` while it is.
    func quietSince(now: Instant) -> Instant {
        path.selected == nil ? since : path.silence.since ?? now
    }

    /// What people see before the peer said its name.
    var displayName: DisplayText {
        name ?? DisplayText(name: "member \(number)")
    }

    /// The first packet under the keys of the first handshake was opened: from now on they are
    /// renewed under K_pair, and the stream has its name.
    mutating func meet(
        local: PublicKey, room: RoomID, random: inout AnyRandomSource, arena: SecretArena,
        now: Instant
    ) {
        guard let meeting = rekey.takeOutcome() else { return }
        rekey = Rekey(
            local: local, remote: key, pairKey: meeting.pairKey.duplicate(), room: room,
            random: &random, arena: arena)
        stream.id = meeting.transcript.prefix
        hasMet = true
        path.probeAgain(now: now)
    }
}

/// The members by number, in memory that does not move: the media path reads it in place.
@safe struct PeerTable: ~Copyable {
    private var base: UnsafeMutablePointer<Peer>
    /// Bit n: number n is taken.
    private var occupied: UInt32 = 0 {
        didSet { numbers = (1...Limits.members).filter { contains($0) } }
    }
    /// The numbers that are taken, lowest first: listed when they change, because each wake-up
    /// goes through them several times.
    private(set) var numbers: [Int] = []
    /// Who probably listens to an index, by its lowest bits: each packet asks.
    private var hints: [64 of UInt8] = .init(repeating: 0)

    init() {
        unsafe base = .allocate(capacity: Limits.members + 1)
    }

    deinit {
        for number in 0...Limits.members where contains(number) {
            unsafe (base + number).deinitialize(count: 1)
        }
        unsafe base.deallocate()
    }

    var count: Int { occupied.nonzeroBitCount }

    func contains(_ number: Int) -> Bool {
        number >= 0 && number <= Limits.members && occupied & (1 << UInt32(number)) != 0
    }

    /// The member with a number that is taken.
    subscript(number: Int) -> Peer {
        unsafeAddress {
            precondition(contains(number))
            return unsafe UnsafePointer(base + number)
        }
        unsafeMutableAddress {
            precondition(contains(number))
            return unsafe base + number
        }
    }

    mutating func insert(_ peer: consuming Peer) {
        let number = Int(peer.number)
        precondition(!contains(number))
        unsafe (base + number).initialize(to: peer)
        occupied |= 1 << UInt32(number)
    }

    /// Gives members the numbers that `number` says for their keys; the numbers must differ.
    mutating func renumber(_ number: (PublicKey) -> UInt8) {
        let target = UnsafeMutablePointer<Peer>.allocate(capacity: Limits.members + 1)
        var taken: UInt32 = 0
        for old in numbers {
            var peer = unsafe (base + old).move()
            peer.number = number(peer.key)
            let new = Int(peer.number)
            precondition((1...Limits.members).contains(new) && taken & (1 << UInt32(new)) == 0)
            unsafe (target + new).initialize(to: peer)
            taken |= 1 << UInt32(new)
        }
        unsafe base.deallocate()
        unsafe base = target
        occupied = taken
    }

    mutating func remove(_ number: Int) {
        precondition(contains(number))
        unsafe (base + number).deinitialize(count: 1)
        occupied &= ~(1 << UInt32(number))
    }

    /// Removes a member, and returns it.
    mutating func take(_ number: Int) -> Peer {
        precondition(contains(number))
        occupied &= ~(1 << UInt32(number))
        return unsafe (base + number).move()
    }

    /// The number that the peer with this key has.
    func number(of key: PublicKey) -> Int? {
        numbers.first { self[$0].key == key }
    }

    /// The member whose sessions listen to `index`. Looked up for each packet: first where it was
    /// found last, then everywhere. (The iterator of a `for` loop allocates in builds that are not
    /// optimised.)
    mutating func number(listeningTo index: UInt32) -> Int? {
        let place = Int(index % 64)
        let hint = Int(hints[place])
        if contains(hint), unsafe base[hint].slots.uses(index) { return hint }
        var number = 1
        while number <= Limits.members {
            if contains(number), unsafe base[number].slots.uses(index) {
                hints[place] = UInt8(number)
                return number
            }
            number += 1
        }
        return nil
    }
}
