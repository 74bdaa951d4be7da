// Two hosts of what was one room that do not hear each other, perhaps as one of them came in while
// the other was away: a member that hears both passes on what they say.
extension RoomMachine {
    /// Messages that a member passes on in a second: two hosts need four in all.
    static let introductionsPerSecond = 8
    /// Somebody says for this long that it is host before ours is told: a claim that ours had no
    /// reason for has been given up by then.
    static let introductionPatience = Duration.seconds(5)
    /// Members tell of a host that was met before for so long until that counts.
    static let acquaintancePatience = Duration.seconds(10)

    /// Tells our host of another one that has said for a while that it is host, and is not met.
    mutating func introduce(
        _ other: HostMeeting.Statement, from number: Int, now: Instant
    ) {
        let host = Int(roster.host)
        guard phase == .inRoom, !isTuned, number != host, other.host == peers[number].key,
            insists(number, for: RoomMachine.introductionPatience, now: now),
            peers.contains(host), peers[host].hasMet, introductions.take(now: now)
        else { return }
        pass(.hosting(other), to: peers[host].key, through: host, now: now)
    }

    private mutating func pass(
        _ message: SuccessionMessage, to key: PublicKey, through number: Int, now: Instant
    ) {
        send(.succession(.passed(to: key, message)), to: number, now: now)
    }

    /// A message from a host for another one: passed on, if it is not for us.
    mutating func takePassed(
        _ message: SuccessionMessage, to key: PublicKey, from number: Int, now: Instant
    ) {
        guard phase == .inRoom, !isTuned, peers[number].isMember else { return }
        guard key != keys.publicKey else {
            // Nobody has proved what it says: what it costs has a bound.
            guard introductions.take(now: now) else { return }
            return take(message, through: number, now: now)
        }
        // Between hosts only, one of which is ours.
        guard !isHost, let target = peers.number(of: key), peers[target].hasMet,
            roster.host == UInt8(number) || roster.host == UInt8(target),
            introductions.take(now: now)
        else { return }
        pass(message, to: key, through: target, now: now)
    }

    private mutating func take(
        _ message: SuccessionMessage, through number: Int, now: Instant
    ) {
        switch message {
        case .hosting(let other): takeIntroduction(other, through: number, now: now)
        case .surrender(let other):
            // Only a host that is heard itself takes anybody out.
            guard let host = other.host, isOutOfReach(host), isHost, !tombstones.contains(host),
                merge(other.withoutTombstones, from: host, now: now),
                // Who brought it need not be in the room that it makes.
                peers.contains(number)
            else { return }
            pass(.claim(roster, []), to: host, through: number, now: now)
            guard let nameplate = currentNameplate else { return }
            pass(.meetingPlace(nameplate), to: host, through: number, now: now)
        case .claim(let next, let departures):
            guard isHost, let host = next.key(of: next.host), isOutOfReach(host),
                next.number(of: keys.publicKey) != nil
            else { return }
            takeAnswer(next, departures, from: host, now: now)
        case .meetingPlace(let nameplate):
            guard let host = roster.key(of: roster.host), isOutOfReach(host) else { return }
            takeHostsMeetingPlace(nameplate, now: now)
        case .supply, .supplied, .handOver, .passed, .unnamed: return
        }
    }

    /// Whether we hear of somebody only what others say.
    private func isOutOfReach(_ key: PublicKey) -> Bool {
        guard key != keys.publicKey else { return false }
        return peers.number(of: key).map { !peers[$0].hasMet || peers[$0].isLost } ?? true
    }

    /// A host that we have met will soon be heard itself, now that members hear us both; only then
    /// does anybody stay out whom it removed.
    private mutating func isMentionedEnough(_ host: PublicKey, now: Instant) -> Bool {
        guard let number = peers.number(of: host), peers[number].hasMet else { return true }
        let patience = RoomMachine.acquaintancePatience
        var mention = succession.mention ?? SuccessionState.Mention(of: host, now: now)
        if mention.host != host || now >= mention.last + patience {
            mention = SuccessionState.Mention(of: host, now: now)
        }
        mention.last = now
        succession.mention = mention
        return now >= mention.since + patience
    }

    /// Another host's room, as a member says that hears it.
    private mutating func takeIntroduction(
        _ other: HostMeeting.Statement, through number: Int, now: Instant
    ) {
        guard isHost, let host = other.host, isOutOfReach(host), succession.surrender == nil,
            !tombstones.contains(host), isMentionedEnough(host, now: now)
        else { return }
        if !HostMeeting.wins(statement, against: other) {
            pass(.surrender(statement), to: host, through: number, now: now)
            succession.surrender = (host, now)
        } else if now >= succession.nextIntroduction {
            // It does not know that it is the smaller one.
            succession.nextIntroduction = now + SuccessionState.statementInterval
            pass(.hosting(statement), to: host, through: number, now: now)
        }
    }
}

// A new host that was away does not know who came in meanwhile.
extension RoomMachine {
    /// What who follows us now may still tell us of others.
    static let vouchingTime = Duration.seconds(10)

    /// Whom we hear, and a roster that we are about to follow does not name though nobody said that
    /// they went.
    func unnamed(in next: Roster, _ departures: [Departure]) -> [PublicKey] {
        peers.numbers.filter { peers[$0].isMember && peers[$0].hasMet && !peers[$0].isLost }
            .map { peers[$0].key }
            .filter { key in
                next.number(of: key) == nil && !departures.contains { $0.key == key }
            }
    }

    /// In a full room whoever speaks has the place of who has been silent the longest, and for so
    /// long that a host would be given up.
    private func longestSilent(now: Instant) -> Int? {
        peers.numbers.filter {
            peers[$0].isMember && now >= peers[$0].lastHeard + SuccessionMachine.bothSilence
        }.min { peers[$0].lastHeard < peers[$1].lastHeard }
    }

    /// A member that has just begun to follow us hears others that it thinks are members: they are,
    /// if they can be met. Who was removed is not, and nobody comes into a locked room that way.
    mutating func takeUnnamed(_ keys: [PublicKey], from number: Int, now: Instant) {
        guard phase == .inRoom, isHost, !isTuned, !isLocked, peers[number].isMember,
            peers[number].statedHost == self.keys.publicKey,
            now < peers[number].statedHostSince + RoomMachine.vouchingTime
        else { return }
        for key in keys where roster.number(of: key) == nil && !tombstones.contains(key) {
            // One that is on its way in has a number.
            guard peers.number(of: key) == nil else { continue }
            if freeNumber == nil, let silent = longestSilent(now: now) {
                removePeer(silent, .expired, now: now)
            }
            guard let free = freeNumber else { return }
            let entry = Roster.Entry(number: UInt8(free), key: key)
            publish(roster.adding(entry), [], now: now)
            addStranger(entry, version: roster.version, now: now)
        }
    }
}
