/// What a member keeps so that the room outlives its host.
struct SuccessionState: ~Copyable {
    /// The lease is asked for again after this, where vc-signal heard the host.
    static let leaseRetry = Duration.seconds(3)
    /// A new run at the mailbox, while a member is looked for: each lives 30 s, and one source may
    /// open five a minute.
    static let runInterval = Duration.seconds(20)
    /// How often a supply is compared with what the successor has.
    static let supplyInterval = Duration.milliseconds(250)
    /// A host that meets another one repeats what it is no more often.
    static let statementInterval = Duration.seconds(1)
    /// A member that follows somebody else is told so often that we are host.
    static let restatementInterval = Duration.seconds(5)
    /// Who was silent within this time may have become host meanwhile.
    static let separation = Duration.seconds(120)
    /// A host that lost its lease looks for who has it, and then takes it back.
    static let displacement = Duration.seconds(15)
    /// A host that gave its room to another one waits for it no longer.
    static let surrenderPatience = Duration.seconds(10)
    /// Members that the mailbox is tried for at once: it carries 20 packets a second.
    static let maximumSought = 4

    var machine = SuccessionMachine()

    // A member's.
    /// As the successor: what the host, or another one that gives way, handed us.
    var supply: SuccessorSupply?
    var suppliedAt = Instant.zero
    /// The roster that we claim to be host of, while nobody follows it.
    var claimed: Roster?
    /// A claim that may be followed when the host stays silent.
    var pending: Claim?
    /// When the host said goodbye, and to whom it handed the room.
    var hostLeftAt: Instant?
    var heir: PublicKey?
    /// When vc-signal was last asked for the lease, and is asked again.
    var leaseAskedAt = Instant.zero
    var nextLeaseTry = Instant.zero
    /// When the mailbox is tried again.
    var nextRun = Instant.zero
    /// Whether we gave our room to the host, whose mailbox our members do not know yet.
    var gaveWay = false
    /// The nameplate of the host, while we still give up our own.
    var meetingPlace: UInt32?

    // The host's.
    /// The supply that was last sent, and to whom.
    var supplied: (digest: Digest, key: PublicKey)?
    var supplyCounter: UInt64 = 0
    /// Whether the successor said that it has it.
    var isSupplied = false
    var nextSupplyCheck = Instant.zero
    /// The claim token of a lease that somebody else took, and since when.
    var displaced: Displaced?
    /// Whether that lease is claimed again.
    var isReclaiming = false
    /// The host to whom the room was given, which has not answered yet.
    var surrender: (key: PublicKey, time: Instant)?
    /// When a host that we do not hear may be told of our room again.
    var nextIntroduction = Instant.zero
    /// Which host that we have met, and do not hear, members tell of.
    var mention: Mention?
    /// Wrong guesses that the code has behind it when its door opens.
    var failures = 0

    struct Mention {
        let host: PublicKey
        let since: Instant
        var last: Instant

        init(of host: PublicKey, now: Instant) {
            self.host = host
            since = now
            last = now
        }
    }

    struct Claim {
        let key: PublicKey
        let roster: Roster
        let departures: [Departure]
    }

    struct Displaced: ~Copyable {
        let token: SecretBytes
        let nameplate: UInt32
        let since: Instant
    }

    var displacedSince: Instant? {
        switch displaced {
        case .some(let displaced): displaced.since
        case .none: nil
        }
    }

    var hasSupply: Bool {
        switch supply {
        case .some: true
        case .none: false
        }
    }

    /// We have a lease, or are no host.
    mutating func forgetDisplacement() {
        displaced = nil
        isReclaiming = false
    }

    /// There is a host, and nothing is to be done about it.
    mutating func settle() {
        machine.reset()
        claimed = nil
        pending = nil
        hostLeftAt = nil
        heir = nil
        surrender = nil
    }
}

extension SuccessorSupply {
    /// The room's own code.
    var mainCode: Code? { codes.first }
}
