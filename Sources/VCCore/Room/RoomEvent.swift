/// What a room tells the person in it.
public enum RoomEvent: Equatable, Sendable {
    /// Host: the room is open under this nameplate; `RoomMachine.writeCode` gives the code. Again
    /// when the code changed.
    case open(nameplate: UInt32)
    /// Of a phrase: we are the first, and wait for others.
    case waiting
    /// Joiner: the room is looked for in the local network; then, the code is tried at a host there
    /// that has a room of this number.
    case searching(nameplate: UInt32, at: Endpoint?)
    /// We are in the room.
    case joined(number: UInt8, members: [Member])
    /// Somebody came, went, fell silent or returned.
    case member(Member, MemberState)
    /// Another member is host now, or we are.
    case hostChanged(Member, isUs: Bool)
    /// We are host, and vc-signal went with the host before us: `useEmbeddedSignal` gives the room
    /// one of its own.
    case signalNeeded
    /// A member calls itself something else now.
    case renamed(Member)
    /// The way to a member changed, or what is known about why it is this one.
    case path(member: UInt8, rung: Rung, roundTrip: Duration, why: String)
    /// A chat message, clean for a terminal.
    case chat(from: Member, text: DisplayText, id: UInt64)
    /// A chat message that only `to` got, of whom we are one.
    case whisper(from: Member, text: DisplayText, id: UInt64, to: [UInt8])
    /// Only `to` hear us now and get our chat; everybody does unless `isOn`.
    case whispering(isOn: Bool, to: [UInt8])
    /// A chat message of ours reached a member, or never will.
    case delivery(id: UInt64, member: UInt8, isDelivered: Bool)
    /// A member closed or opened its microphone.
    case muted(member: UInt8, on: Bool)
    /// A member records what it hears, or does not any more.
    case recording(member: UInt8, on: Bool)
    /// Host: somebody tried a wrong code.
    case guess(failed: Int, budget: Int)
    /// Host: a one-time code is open under this nameplate; `RoomMachine.copyInvite` gives it. Again
    /// when its words changed.
    case invited(nameplate: UInt32)
    /// Host: a one-time code let somebody in, and lets in nobody else.
    case inviteUsed(nameplate: UInt32)
    /// Host: nobody can come in now, or people can again.
    case locked(Bool)
    /// The safety words of this room, and how often this process has taken part so far.
    case safety(SafetyPhrase, run: UInt32)
    /// The person said that the words were the same: these members are who they seem to be.
    case verified([Member])
    /// Something is not as it should be, and the call goes on.
    case warning(RoomWarning)
    /// The room is over for us.
    case ended(EndReason)

    /// A member, for people.
    public struct Member: Equatable, Sendable {
        public let number: UInt8
        public let name: DisplayText
        public let isHost: Bool
        /// Whether its safety words were compared, and were the same.
        public let isVerified: Bool
    }

    /// What happened to a member.
    public enum MemberState: String, Sendable {
        case joined
        case left
        /// Silent for a minute; its place is free.
        case removed
        /// Silent for 5 s.
        case lost
        /// Heard again.
        case back
    }
}

/// What a room warns about.
public enum RoomWarning: Equatable, Sendable {
    /// vc-signal does not answer: the call goes on, newcomers cannot come in.
    case signalUnreachable
    /// vc-signal answers again.
    case signalBack
    /// vc-signal is about to stop.
    case signalDraining
    /// vc-signal opens no more rooms, in all or for this address.
    case signalFull
    /// Host, with the signaling server inside: questions in the local network cannot be heard.
    case notFoundNearby
    /// A relay does not carry us.
    case relayRefused(RelayAnswer.Notice)
    /// The budget of wrong guesses is spent: the code was changed.
    case codeRetired
    /// The code is a new one because somebody else has its nameplate.
    case nameplateChanged
    /// Two members were shown different rosters: somebody is between them.
    case rosterDisputed(member: UInt8)
    /// People compared safety words, and nobody is between those who were shown different rosters.
    case rosterAgreed
    /// A member broke the protocol.
    case protocolBroken(member: UInt8)
    /// Nobody is there whom we whisper to: nobody hears us.
    case whisperToNobody
    /// A member writes more than anybody may: the rest is not shown.
    case chatFlood(member: UInt8)
    /// Only the host can do this.
    case hostOnly(HostAction)
    /// In a room that is found by a phrase nobody can do this.
    case hostByChance(HostAction)
    /// The host cannot be removed.
    case hostStays
    /// As many one-time codes are open as there may be.
    case tooManyCodes
    /// The signaling server gives no nameplate for another code now.
    case codeUnavailable
    /// There is nobody to compare safety words with.
    case safetyAlone
    /// Safety words are being compared already.
    case safetyUnderWay
    /// The safety words did not come about: these members did not answer.
    case safetyUnfinished([RoomEvent.Member])
    /// The same, and it was after we had shown our value: whoever broke it off may have done so
    /// because the words would not have been the same.
    case safetyBrokenOff([RoomEvent.Member])
    /// So often that it is no accident; these members were missing.
    case safetySuspects([RoomEvent.Member])
    /// A member showed another value than it was bound to.
    case safetyForged(RoomEvent.Member)
    /// There are no safety words to say anything of.
    case safetyNotShown
}

/// What only the host does.
public enum HostAction: String, Equatable, Sendable {
    case kick, lock, invite, end
}

/// Why a room ended.
public enum EndReason: Equatable, Sendable {
    /// By our own wish.
    case left
    /// The host went.
    case hostLeft
    /// The host removed us.
    case removed
    /// Nothing was heard of the host for a minute.
    case hostLost
    /// The host said no.
    case refused(JoinRefusal)
    /// No host holds the nameplate at the server.
    case noSuchRoom
    /// No host in the local network has the room, and no server was named.
    case notInNetwork
    /// The host does not answer.
    case noAnswer
    /// No signaling server answers.
    case signalUnreachable
    /// The signaling server holds as many rooms or joins as it can, or too many came from here.
    case signalBusy
    /// The signaling server opens rooms only for those who know its host token.
    case signalTokenNeeded
    /// The signaling server speaks another version.
    case signalVersion(UInt32)
    /// In the room, but neither an address of the host nor a relay answers.
    case noPath
    /// The other side sent what nobody may send.
    case protocolBroken
}
