import VCTestKit

@testable import VCCore

/// One member in the simulated world: its room machine, what it was told, and what it heard.
final class Node {
    /// Voice frames of one member.
    struct Tally {
        private(set) var received: UInt32 = 0
        /// Those that were overtaken and have not come since.
        private(set) var lost: UInt32 = 0
        private var next: UInt16?

        mutating func count(_ sequence: UInt16) {
            received += 1
            let ahead = Int16(bitPattern: sequence &- (next ?? sequence))
            if ahead < 0 {
                lost -= min(lost, 1)
            } else {
                lost += UInt32(ahead)
                next = sequence &+ 1
            }
        }
    }

    var machine: RoomMachine
    let host: VirtualNetwork.HostID
    /// What tests call it.
    var label = ""
    /// Its first address, with the port of its socket.
    var endpoint: Endpoint
    var site: Site
    /// An outside endpoint that its router gave it when it was asked.
    var mapped: Endpoint?
    var events: [RoomEvent] = []
    /// When each of the events was told.
    var eventTimes: [Instant] = []
    /// Whether it sends a voice frame each 10 ms.
    var isTalking = false {
        didSet { endsTalkSpurt = oldValue && !isTalking }
    }
    /// Whether its next frame is the last one for now.
    var endsTalkSpurt = false
    var heard: [(time: Instant, sequence: UInt16, member: UInt8)] = []
    /// Every sealed datagram it sent: for replays.
    var sealed: [[UInt8]] = []
    /// Where the last voice packet for each member went.
    var voiceDestinations: [UInt8: Endpoint] = [:]
    /// When it sent a packet for a member on another way than its voice.
    var asides: [Instant] = []
    /// What arrived of each member's voice, as its jitter buffer would count it.
    var tallies: [UInt8: Tally] = [:]
    /// How often its time was due.
    var wakeups = 0
    /// Its sockets beside the main one, and how many there were at most.
    var sockets = SocketSet()
    var largestSocketCount = 0
    var sequence: UInt16 = 0
    var timestamp: UInt32 = 0

    init(
        _ machine: consuming RoomMachine, on host: VirtualNetwork.HostID, at endpoint: Endpoint,
        in site: Site
    ) {
        self.machine = machine
        self.host = host
        self.endpoint = endpoint
        self.site = site
    }

    var key: PublicKey { machine.keys.publicKey }

    var end: EndReason? {
        for case .ended(let reason) in events { return reason }
        return nil
    }

    var chats: [String] {
        events.compactMap { if case .chat(_, let text, _) = $0 { text.text } else { nil } }
    }

    var deliveries: Int {
        events.count { if case .delivery(_, _, isDelivered: true) = $0 { true } else { false } }
    }

    var hasPath: Bool {
        events.contains { if case .path = $0 { true } else { false } }
    }

    /// When it was told that somebody is there: of a joiner, that it is in the room.
    var company: Instant? {
        zip(events, eventTimes).first { event, _ in
            switch event {
            case .joined, .member(_, .joined): true
            case _: false
            }
        }?.1
    }

    /// Host: the code as it stands.
    var code: [UInt8] {
        [UInt8](capacity: RoomCode.longestText) { machine.writeCode(into: &$0) }
    }

    /// The longest time without a voice frame of anybody within a span, its ends included.
    func longestSilence(from start: Instant, until end: Instant) -> Duration {
        var last = start
        var longest = Duration.zero
        for frame in heard.reversed().prefix(while: { $0.time >= start }).reversed() {
            guard frame.time <= end else { break }
            longest = max(longest, frame.time - last)
            last = frame.time
        }
        return max(longest, end - last)
    }
}
