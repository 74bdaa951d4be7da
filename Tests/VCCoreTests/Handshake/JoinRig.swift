import Foundation
import Testing

@testable import VCCore

/// Whether every case runs, and not a seeded part of them.
let runsEverything = ProcessInfo.processInfo.environment["VC_FULL"] == "1"

/// A host behind its door: opens proofs, welcomes who knows the words, and keeps count.
final class DoorRig {
    static let nameplate: UInt32 = 7
    static let words: [UInt8] = Array("red-green-blue".utf8)

    var door: HostDoor
    let keys: KeyPair
    let arena: SecretArena
    var random: AnyRandomSource
    /// What the room says about a key.
    var vacancy = { (_: PublicKey) in HostDoor.Vacancy.free }
    /// Keys that were welcomed, in order, with the transcript of their handshake.
    var welcomed: [(key: PublicKey, transcript: Digest)] = []
    var guesses = 0
    var wasRetired = false

    init(
        arena: SecretArena, seed: UInt64 = 1, words: [UInt8] = DoorRig.words,
        nameplate: UInt32 = DoorRig.nameplate, isOneTime: Bool = false, failures: Int = 0
    ) {
        self.arena = arena
        random = AnyRandomSource(SplitMix64(seed: seed))
        keys = KeyPair(random: &random, arena: arena)
        door = HostDoor(
            secret: SecretBytes(copying: words.span.bytes, in: arena), nameplate: nameplate,
            local: keys.publicKey, arena: arena, isOneTime: isOneTime,
            budget: .ofCode(isOneTime: isOneTime, failures: failures))
    }

    /// Gives the door a body; returns what it says.
    @discardableResult
    func receive(_ body: [UInt8], mailbox: UInt32 = 1, tag: UInt64 = 1, at now: Instant)
        -> [(mailbox: UInt32, body: [UInt8])]
    {
        door.handle(
            body.span.bytes, mailbox: mailbox, tag: tag, vacancy: vacancy, keys: keys,
            random: &random, now: now)
        return drain()
    }

    func tick(at now: Instant) -> [(mailbox: UInt32, body: [UInt8])] {
        door.handleTimeout(keys: keys, now: now)
        return drain()
    }

    private func drain() -> [(mailbox: UInt32, body: [UInt8])] {
        while let proven = door.pollProven() { welcome(proven.run) }
        guesses += door.pollGuesses()
        if door.pollRetired() { wasRetired = true }
        var replies: [(mailbox: UInt32, body: [UInt8])] = []
        while let reply = door.pollReply() { replies.append(reply) }
        return replies
    }

    private func welcome(_ run: JoinRun) {
        let roster = Roster(host: keys.publicKey).adding(Roster.Entry(number: 2, key: run.key))
        let payload = Welcome(
            index: 9, room: RoomID(random: &random), number: 2, roster: roster,
            roomKey: SecretBytes(count: 32, in: arena), candidates: []
        ).encode(arena: arena)
        guard
            let result = try? door.welcome(
                run, payload: payload.span, keys: keys, random: &random)
        else { return }
        welcomed.append((run.key, result.transcript))
    }
}

/// A joiner, and what became of it.
final class JoinerRig {
    var machine: JoinerMachine
    let keys: KeyPair
    var random: AnyRandomSource
    var transcript: Digest?
    var opensWhatHostSeals: Bool?

    init(
        arena: SecretArena, seed: UInt64 = 2, words: [UInt8] = DoorRig.words,
        nameplate: UInt32 = DoorRig.nameplate, keys: consuming KeyPair? = nil, at now: Instant
    ) {
        random = AnyRandomSource(SplitMix64(seed: seed))
        let fresh = KeyPair(random: &random, arena: arena)
        switch consume keys {
        case .some(let given): self.keys = given
        case .none: self.keys = fresh
        }
        machine = JoinerMachine(
            secret: SecretBytes(copying: words.span.bytes, in: arena), nameplate: nameplate,
            local: self.keys.publicKey,
            request: JoinRequest(
                index: 4, candidates: [Endpoint(ipv4: 0xCB00_7101, port: 40_000)]),
            arena: arena, random: &random, now: now)
    }

    func poll(at now: Instant) -> [UInt8]? { machine.poll(random: &random, now: now) }

    func receive(_ body: [UInt8], at now: Instant) {
        switch machine.handle(body.span.bytes, local: keys, random: &random, now: now) {
        case .some(let result): transcript = result.keys.transcript
        case .none: return
        }
    }

    var hasEnded: Bool { transcript != nil || machine.failure != nil }
}

/// Runs a join in virtual time over a mailbox that loses nothing, until it ended. `tamper` sees
/// every body, the first byte of which tells what it is; nil loses it.
@discardableResult
func runJoin(
    _ host: DoorRig, _ joiner: JoinerRig, from start: Instant = .zero, tag: UInt64 = 1,
    tamper: ([UInt8]) -> [UInt8]? = { $0 }
) -> Instant {
    var now = start
    while !joiner.hasEnded {
        var replies: [(mailbox: UInt32, body: [UInt8])] = []
        while let message = joiner.poll(at: now) {
            guard let body = tamper(message) else { continue }
            replies += host.receive(
                body, mailbox: UInt32(joiner.machine.attempt), tag: tag, at: now)
        }
        replies += host.tick(at: now)
        for reply in replies where reply.mailbox == UInt32(joiner.machine.attempt) {
            if let body = tamper(reply.body) { joiner.receive(body, at: now) }
        }
        let next = min(
            joiner.machine.timeout ?? .distantFuture,
            host.door.timeout(now: now) ?? .distantFuture)
        if !joiner.hasEnded { now = max(now + .milliseconds(1), next) }
        guard now < start + .seconds(60) else { break }
    }
    return now
}

extension [UInt8] {
    func flipping(bit: Int) -> [UInt8] {
        var bytes = self
        if bit / 8 < bytes.count { bytes[bit / 8] ^= 1 << UInt8(bit % 8) }
        return bytes
    }
}
