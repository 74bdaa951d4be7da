import Testing
import VCTestKit

@testable import VCCore

/// A room of up to sixteen whose members come, talk, leave, die, lose their networks and find them
/// again, in an order that the seed decides.
struct RoomLife {
    /// What may happen in a room.
    struct Script {
        /// Members come as long as there are fewer.
        var size = Limits.members
        var actions = 14
        /// Whether the host may leave or die, and the network be split for longer than a member is
        /// kept: then the room goes on without its host.
        var changesHost = false
    }

    static let link = VirtualNetwork.Link(
        latency: .milliseconds(20), jitter: .milliseconds(15), loss: 0.1, duplication: 0.02,
        reordering: 0.02)
    /// A silent member is removed after a minute, by each of two hosts in turn, which may not have
    /// room for the other one's members before; everything else takes less long to heal.
    static let healing = Duration.seconds(200)
    /// Nobody is kept from another one longer than this: within a minute they must be back.
    static let longestSilence = Duration.seconds(50)

    var world: World
    let tap = Wiretap()
    private let script: Script
    private var random: SplitMix64
    private var ledger = ChatLedger()
    /// Who is in the room, or on the way in; whoever opened it first.
    private(set) var present: [Node]
    /// Who died: its keys are somebody else's now, who hears everything.
    private var dead: [Node] = []
    private var names = 1
    private var code: [UInt8] = []
    private var trouble: [Trouble] = []
    private(set) var log: [String] = []

    private let leavers = Leavers()

    /// Something that ends by itself.
    private struct Trouble {
        enum Kind {
            case outage(Node)
            case split([Node], [Node])
        }

        let kind: Kind
        let end: Instant
    }

    init(seed: UInt64, script: Script = Script(), arena: SecretArena) throws {
        self.script = script
        random = SplitMix64(seed: seed &* 0xD134_2543_DE82_EF95 ^ 0x51)
        world = World(seed: seed, link: RoomLife.link, arena: arena, relays: 0)
        world.keepsSealed = false
        let tap = tap
        world.tap = { tap.take($0, from: $1) }
        world.interlude = { [leavers] in leavers.note($0, now: $1) }
        let host = world.addHost(name: "m1", capacity: Limits.members)
        host.label = "m1"
        present = [host]
        try #require(world.run(for: .seconds(30)) { !host.code.isEmpty })
    }

    /// The whole life, until everything has healed. Returns what is not as it should be.
    mutating func live() throws -> String? {
        while present.count < script.size { try come() }
        for _ in 0..<script.actions {
            try act()
            pass(.milliseconds(Int64(200 + random.next(below: 4_000))))
        }
        heal()
        let room = present
        let healed = wait(for: RoomLife.healing) { RoomLife.agree(room) == nil }
        sortOut()
        guard healed else { return RoomLife.agree(present) ?? "only now" }
        for node in present { ledger.say(node, now: world.now) }
        let ledger = ledger
        _ = wait(for: .seconds(30)) { RoomLife.complaint(about: ledger, in: room) == nil }
        tap.ears = present + dead
        tap.listen(now: world.now)
        tap.listenAgain(now: world.now)
        return RoomLife.complaint(about: ledger, in: present) ?? RoomLife.agree(present)
            ?? leavers.stuck ?? tap.leaks.first
    }

    /// All but some leave.
    mutating func shrink(to count: Int) -> String? {
        dead = []
        world.tap = nil
        tap.stop()
        for node in present.dropFirst(count) { node.machine.leave(now: world.now) }
        let leaving = Array(present.dropFirst(count))
        present = Array(present.prefix(count))
        world.run(for: .seconds(10)) { leaving.allSatisfy { $0.end != nil } }
        for node in leaving where node.end != .left { return "\(node.label) could not leave" }
        for node in leaving { world.stop(node) }
        let room = present
        // Whose goodbye was lost is silent for a minute first.
        wait(for: .seconds(20) + Peer.removedAfter) { RoomLife.agree(room) == nil }
        return RoomLife.agree(present)
    }

    // MARK: Time

    /// Waits until something holds, which is looked at a few times a second.
    @discardableResult
    mutating func wait(for limit: Duration, until condition: () -> Bool) -> Bool {
        let end = world.now + limit
        while !condition() {
            guard world.now < end else { return false }
            world.run(for: .milliseconds(250))
            ledger.note(present, now: world.now)
        }
        return true
    }

    private mutating func pass(_ duration: Duration) {
        let end = world.now + duration
        while world.now < end {
            let step = min(.milliseconds(700), end - world.now)
            world.run(for: step)
            ledger.note(present, now: world.now)
            endTrouble()
            leavers.check(now: world.now)
            sortOut()
            if !present.isEmpty, random.next(below: 2) == 0 { ledger.say(pick(), now: world.now) }
            tap.ears = present + dead
            tap.listen(now: world.now)
        }
    }

    private mutating func endTrouble(all: Bool = false) {
        for trouble in trouble where all || world.now >= trouble.end {
            switch trouble.kind {
            case .outage(let node): world.network.setUp(true, node.host)
            case .split(let one, let other): split(one, other, isCut: false)
            }
        }
        let now = world.now
        trouble.removeAll { all || now >= $0.end }
    }

    private mutating func heal() {
        endTrouble(all: true)
        pass(.seconds(2))
    }

    /// Who was not let in, or was out for too long, is not there any more.
    private mutating func sortOut() {
        for node in present where node.end != nil {
            log.append("\(node.label) is out: \(node.end.map { "\($0)" } ?? "")")
            world.stop(node)
        }
        present.removeAll { $0.end != nil }
    }

    // MARK: What happens

    private mutating func pick() -> Node {
        present[Int(random.next(below: UInt32(present.count)))]
    }

    private mutating func act() throws {
        switch random.next(below: 10) {
        case 0...2: try come()
        case 3...4: leave(pick())
        case 5: die(pick())
        case 6...7: lapse(pick())
        case 8: move(pick())
        case _: splitInTwo()
        }
    }

    private func isSpared(_ node: Node) -> Bool {
        present.count < 3 || (!script.changesHost && node.machine.isHost)
    }

    private mutating func note(_ what: String, _ node: Node) {
        log.append("\(node.label) \(what)")
    }

    private var isSplit: Bool {
        trouble.contains { if case .split = $0.kind { true } else { false } }
    }

    /// Places that are taken on any side, those of the silent included. Each side of a split lets
    /// in as many as it has room for; when there are more than sixteen together, somebody has no
    /// place in what becomes of them.
    private var places: Int {
        Set(present.flatMap { $0.machine.roster.entries.map(\.key) } + present.map(\.key)).count
    }

    private mutating func come() throws {
        guard present.count < script.size, !isSplit || places < script.size else { return }
        // Whoever was host last has told its code.
        let hosts = present.filter { $0.machine.isHost && !$0.code.isEmpty }
        if let host = hosts.last { code = host.code }
        names += 1
        let node = try world.addJoiner(name: "m\(names)", code: code)
        node.label = "m\(names)"
        note("comes", node)
        present.append(node)
        pass(.milliseconds(Int64(random.next(below: 900))))
    }

    private mutating func leave(_ node: Node) {
        guard !isSpared(node) else { return }
        note("leaves", node)
        leavers.add(node, now: world.now, atOnce: random.next(below: 2) == 0)
    }

    private mutating func die(_ node: Node) {
        guard !isSpared(node) else { return }
        note("dies", node)
        leavers.forget(node)
        world.stop(node)
        present.removeAll { $0 === node }
        dead.append(node)
    }

    /// Its network is gone for a while.
    private mutating func lapse(_ node: Node) {
        guard let length = drawLength() else { return }
        note("lapses", node)
        world.network.setUp(false, node.host)
        trouble.append(Trouble(kind: .outage(node), end: world.now + length))
    }

    private mutating func move(_ node: Node) {
        note("moves", node)
        world.move(node, to: world.openSite)
    }

    private mutating func splitInTwo() {
        guard let length = drawLength() else { return }
        let parts = present.map { _ in random.next(below: 2) == 0 }
        let one = zip(present, parts).filter(\.1).map(\.0)
        let other = zip(present, parts).filter { !$0.1 }.map(\.0)
        log.append("a split: \(one.map(\.label)) and \(other.map(\.label))")
        split(one, other, isCut: true)
        trouble.append(Trouble(kind: .split(one, other), end: world.now + length))
    }

    private mutating func split(_ one: [Node], _ other: [Node], isCut: Bool) {
        for node in one {
            for peer in other {
                world.network.setPartitioned(
                    isCut, node.endpoint.with(port: 0), peer.endpoint.with(port: 0))
            }
        }
    }

    /// How long new trouble lasts; nil if there is enough of it. Two members that hear nothing of
    /// each other for a minute are apart for good: then there are two rooms.
    private mutating func drawLength() -> Duration? {
        let drawn = Duration.seconds(Int64(3 + random.next(below: script.changesHost ? 50 : 38)))
        let here = Set(present.map(\.key))
        var silence = Duration.zero
        for node in present {
            for number in node.machine.peers.numbers
            where here.contains(node.machine.peers[number].key) {
                silence = max(silence, world.now - node.machine.peers[number].lastHeard)
            }
        }
        let left = RoomLife.longestSilence - silence
        return left < .seconds(3) ? nil : min(drawn, left)
    }
}

extension RoomLife {
    /// What some members of a room do not agree about; nil when they all see the same.
    static func agree(_ all: [Node]) -> String? {
        let room = all.filter { $0.end == nil }
        guard let first = room.first else { return "nobody is there" }
        let keys = Set(room.map(\.key))
        let roster = first.machine.roster
        guard Set(roster.entries.map(\.key)) == keys else {
            return "the roster has \(roster.entries.count) of \(keys.count)"
        }
        for node in room {
            guard node.machine.roster == roster else {
                let other = node.machine.roster
                return "\(node.label) has version \(other.version) of \(other.term), "
                    + "\(first.label) \(roster.version) of \(roster.term)"
            }
            guard node.isWithAll(room.count) else { return node.shortcomings(room) }
        }
        return nil
    }

    fileprivate static func complaint(about ledger: ChatLedger, in room: [Node]) -> String? {
        let present = Set(room.filter { $0.end == nil }.map(\.key))
        for node in room where node.end == nil {
            if let complaint = ledger.complaint(of: node, present: present) {
                return "\(node.label) \(complaint)"
            }
        }
        return nil
    }
}

extension Node {
    /// Whom it does not reach, and why.
    fileprivate func shortcomings(_ room: [Node]) -> String {
        let numbers = machine.peers.numbers
        var text = "\(label) knows \(numbers.count) of \(room.count - 1)"
        for number in missing {
            let other = room.first { $0.key == machine.peers[number].key }?.label ?? "nobody"
            let hasMet = machine.peers[number].hasMet
            text += "; \(other) (\(number)) \(hasMet ? "has no path" : "was not met")"
        }
        return text
    }
}
