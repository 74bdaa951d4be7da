internal import VCCore

/// What happens in a call, for people and programs. The code is not among them: it is a secret and
/// is written by `EventRenderer.writeCode`.
enum CallEvent: Equatable {
    /// At a host with the signaling server inside: who can come in.
    case reach(HostReach)
    /// The room of this number is looked for in the local network, or the code is tried at a host
    /// there.
    case searching(nameplate: Int, server: String?)
    /// Of a phrase: nobody else is here yet.
    case waiting
    /// We are in the room: our own number, and everybody who is in it.
    case joined(number: Int, members: [MemberName])
    case member(MemberChange)
    /// A member calls itself something else now.
    case renamed(member: Int, name: DisplayText)
    /// How a member is reached now. `why` is one sentence.
    case path(member: Int, rung: Rung, roundTripMilliseconds: Double?, why: String)
    /// The first sound of a member was played out.
    case voice(member: Int)
    /// Somebody began or ended to talk; a whisper is not for everybody.
    case talking(member: Int, isOn: Bool, isWhisper: Bool = false)
    /// Only `to` hear us and get our chat now; everybody does unless `isOn`.
    case whispering(isOn: Bool, to: [Int])
    case chat(ChatMessage)
    case muted(member: Int, isOn: Bool)
    /// A member, or we, write what is heard to a file, or do not any more.
    case recording(member: Int, isOn: Bool)
    /// Our own message, with the number that `delivery` names.
    case sent(id: UInt64, text: DisplayText, to: [Int] = [])
    case delivery(id: UInt64, member: Int, isDelivered: Bool)
    /// Each second.
    case statistics(CallStatistics)
    /// At the host: somebody tried a wrong code, `failed` of the `budget` tries now.
    case guess(failed: Int, budget: Int)
    /// What members compare by voice, and the how many-th comparison of this process it is.
    case safety(words: String, run: Int)
    /// These members' safety words were compared, and were the same.
    case verified([MemberName])
    /// At the host: nobody can come in now, or people can again.
    case locked(isOn: Bool)
    /// At the host: the one-time code of this number let somebody in, and is spent.
    case codeUsed(nameplate: Int)
    /// `kind` is one word for programs, `message` a sentence for people; `device` is microphone or
    /// loudspeaker, where it is about one.
    case warning(kind: String, message: String, device: String? = nil)
    case error(kind: String, message: String)
    /// The last event of a call. `reason` is a sentence.
    case left(reason: String)
}

struct MemberName: Equatable {
    let number: Int
    let name: DisplayText
}

struct MemberChange: Equatable {
    enum State: String, Equatable {
        case joined, left, removed, lost, back
    }

    let number: Int
    let name: DisplayText
    let state: State
    let isHost: Bool
    /// Whether the safety words of this member were compared.
    let isVerified: Bool
    /// Whether that is what happened: it is the host now.
    var becameHost = false
}

struct ChatMessage: Equatable {
    let from: Int
    let name: DisplayText
    let text: DisplayText
    let id: UInt64
    /// Who got it; empty when everybody did.
    var to: [Int] = []
}

struct CallStatistics: Equatable {
    var members: [MemberStatistics] = []
    /// Of one core.
    var cpuPercent = 0.0
    var residentBytes: UInt64 = 0
    /// Since the start.
    var captureXruns: UInt64 = 0
    var playbackXruns: UInt64 = 0
    /// Frames that wait for the network, and those that found no room there since the start.
    var sendQueue = 0
    var sendDropped = 0
    /// How many waited in the last minute in which anybody was heard, we included.
    var sendQueueSpread = MemberStatistics.Spread()
    var isMuted = false
}

/// Counts are voice frames since the start; times are nil until they were measured.
struct MemberStatistics: Equatable {
    var number: Int
    var rung: Rung?
    var roundTripMilliseconds: Double?
    var sent: UInt64 = 0
    var received: UInt64 = 0
    var lost: UInt64 = 0
    var late: UInt64 = 0
    var concealed: UInt64 = 0
    var jitterMilliseconds: Double?
    var bufferMilliseconds: Double?
    /// From the mouth there to the ears here: the sum of the four stages below and of the buffer.
    var mouthToEarMilliseconds: Double?
    /// There: the device's buffer, the frame, and what the codec and the processing look ahead.
    var captureMilliseconds: Double?
    /// Half the round trip.
    var networkMilliseconds: Double?
    /// Here: decoding and mixing.
    var decoderMilliseconds: Double?
    /// Here: the device's buffer.
    var playbackMilliseconds: Double?
    /// What half and 95 of 100 values of the last minute in which it was heard do not exceed.
    var captureSpread = Spread()
    var networkSpread = Spread()
    var bufferSpread = Spread()
    var decoderSpread = Spread()
    var playbackSpread = Spread()
    var mouthToEarSpread = Spread()

    struct Spread: Equatable {
        var median: Double?
        var most: Double?
    }
}
