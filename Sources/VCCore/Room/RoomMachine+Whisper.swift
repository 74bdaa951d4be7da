// Whispering: voice and chat for some members only. The others get neither, not even sealed for
// somebody else: nothing but the keepalives of a member that is silent.
extension RoomMachine {
    /// From now on only `members` hear us and get our chat. Empty: everybody again.
    ///
    /// Whoever of them leaves is no longer whispered to, and nobody takes the place: not a
    /// newcomer, and never everybody because nobody is left.
    public mutating func whisper(to members: [UInt8], now: Instant) {
        guard phase == .inRoom else { return }
        let chosen = members.filter { canHear(Int($0)) }
        guard members.isEmpty || !chosen.isEmpty else {
            events.append(.warning(.whisperToNobody))
            return
        }
        let wasWhispering = isWhispering
        isWhispering = !chosen.isEmpty
        for number in peers.numbers {
            let heardBefore = !wasWhispering || peers[number].isWhisperedTo
            peers[number].isWhisperedTo = chosen.contains(UInt8(number))
            let hears = !isWhispering || peers[number].isWhisperedTo
            // At once: no voice is missing there, and none is concealed for longer than that.
            if heardBefore, !hears, canHear(number) {
                seal(to: number, now: now) { $0.write(SealedKind.keepalive.rawValue) }
            }
        }
        tellWhisper()
    }

    private func canHear(_ number: Int) -> Bool {
        peers.contains(number) && peers[number].isMember
    }

    /// Whom we whisper to, nobody perhaps; nil while we talk to everybody.
    public var whisperListeners: [UInt8]? { isWhispering ? whisperedTo : nil }

    /// Whom we whisper to now; empty while we talk to everybody, or nobody is left.
    var whisperedTo: [UInt8] {
        guard isWhispering else { return [] }
        return peers.numbers.filter { peers[$0].isWhisperedTo }.map { UInt8($0) }
    }

    /// A member is out of the room, or has another number.
    mutating func reviewWhisper() {
        guard isWhispering else { return }
        let left = whisperedTo
        guard left != toldWhisper else { return }
        tellWhisper()
        if left.isEmpty { events.append(.warning(.whisperToNobody)) }
    }

    private mutating func tellWhisper() {
        toldWhisper = whisperedTo
        events.append(.whispering(isOn: isWhispering, to: toldWhisper))
    }

    /// Whether the voice of now is for the member with this number.
    func hearsUs(_ number: Int) -> Bool {
        !isWhispering || peers[number].isWhisperedTo
    }
}

extension Peer {
    /// What it did not get leaves no hole for it: neither is it concealed, nor does it tell how
    /// much was whispered.
    mutating func withhold() {
        withheldFrames &+= 1
        owesTalkSpurt = true
    }

    /// `header` as this member gets it.
    func shown(_ header: VoiceHeader, isWhisper: Bool) -> VoiceHeader {
        var flags = header.flags
        if owesTalkSpurt { flags |= VoiceHeader.startOfTalkSpurt }
        if isWhisper { flags |= VoiceHeader.whisper }
        return VoiceHeader(
            flags: flags, sequence: header.sequence &- withheldFrames,
            timestamp: header.timestamp, level: header.level)
    }
}
