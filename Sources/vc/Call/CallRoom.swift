internal import VCAudio
internal import VCCore

/// What the console knows of the room: who is there, who was heard, and who talks.
struct CallRoom {
    private struct Person {
        var name: DisplayText
        var isHost: Bool
        var isVerified = false
        var isMuted = false
        var isRecording = false
        var wasHeard = false
        var isTalking = false
        var isWhispering = false
        /// By how much we made it louder, in dB.
        var gain = 0.0
    }

    private let engine: AudioEngine
    private var encoding: EncoderChoice
    private var people: [Int: Person] = [:]
    private var isTalking = false
    /// Frames heard of each member, and frames sent, when they were last reported.
    private var reported: [Int: (heard: Int, sent: Int)] = [:]
    /// How delays were in the last minute, by member.
    private var delays: [Int: RecentDelays] = [:]
    /// Frames that waited for the network meanwhile.
    private var sendQueue = RecentValues()
    /// Whether we have a number: who joins has none at first.
    var isIn = false
    /// Our own number; the host's is 1.
    var ownNumber = 1
    /// Whether not everybody hears us.
    var isWhispering = false

    init(engine: AudioEngine, encoding: EncoderChoice) {
        self.engine = engine
        self.encoding = encoding
    }

    var isAlone: Bool { people.isEmpty }

    /// Whether anybody talks, we included.
    var hasTalkers: Bool { isTalking || people.values.contains { $0.isTalking } }

    /// The others, by number.
    var others: [MemberName] {
        numbers.compactMap { number in
            people[number].map { MemberName(number: number, name: $0.name) }
        }
    }

    private var numbers: [Int] { people.keys.sorted() }

    /// The others, and by how much each was made louder, in dB.
    var gains: [(member: MemberName, decibels: Double)] {
        others.map { ($0, people[$0.number]?.gain ?? 0) }
    }

    /// Makes a member louder or softer, in dB.
    mutating func setGain(_ decibels: Double, of number: Int) {
        people[number]?.gain = decibels
        engine.setGain(decibels: Float(decibels), slot: number - 1)
    }

    // MARK: Coming and going

    mutating func add(_ member: RoomEvent.Member) {
        let number = Int(member.number)
        people[number] = Person(
            name: member.name, isHost: member.isHost, isVerified: member.isVerified)
        try? engine.setActive(true, slot: number - 1)
        engine.setAlone(false)
    }

    mutating func apply(_ member: RoomEvent.Member, _ state: RoomEvent.MemberState) {
        switch state {
        case .joined: add(member)
        case .left, .removed:
            people[Int(member.number)] = nil
            reported[Int(member.number)] = nil
            delays[Int(member.number)] = nil
            try? engine.setActive(false, slot: Int(member.number) - 1)
            engine.setAlone(people.isEmpty)
        case .lost, .back: return
        }
    }

    /// Who is host now.
    mutating func setHost(_ number: Int, isUs: Bool) {
        if isUs { ownNumber = number }
        for other in numbers { people[other]?.isHost = other == number && !isUs }
    }

    mutating func rename(_ member: RoomEvent.Member) {
        people[Int(member.number)]?.name = member.name
    }

    mutating func noteVerified(_ member: RoomEvent.Member) {
        people[Int(member.number)]?.isVerified = true
    }

    /// Remembers who is muted; returns whether it changed.
    mutating func noteMuted(_ member: UInt8, _ on: Bool) -> Bool {
        guard let old = people[Int(member)]?.isMuted, old != on else { return false }
        people[Int(member)]?.isMuted = on
        return true
    }

    /// Remembers who records; returns whether it changed.
    mutating func noteRecording(_ member: UInt8, _ on: Bool) -> Bool {
        guard let old = people[Int(member)]?.isRecording, old != on else { return false }
        people[Int(member)]?.isRecording = on
        return true
    }

    // MARK: Sound

    /// Encodes as suits a room of this size and the thinnest of its links; whether that changed.
    mutating func chooseEncoder(_ connections: [MemberConnection], now: Instant) -> Bool {
        let thrift = connections.map(\.thrift).max() ?? 0
        guard encoding.note(members: people.count + 1, thrift: thrift, now: now) else {
            return false
        }
        // Without memory for another encoder the one that runs goes on.
        try? engine.setEncoding(encoding.profile)
        return true
    }

    /// `voice` and `talking`, for what changed since the last call.
    mutating func soundEvents() -> [CallEvent] {
        var events: [CallEvent] = []
        for number in numbers {
            let sound = engine.memberStatistics(slot: number - 1)
            if sound.hasPlayed, people[number]?.wasHeard == false {
                people[number]?.wasHeard = true
                events.append(.voice(member: number))
            }
            let whispers = sound.isWhispering
            let changes = sound.isSounding && people[number]?.isWhispering != whispers
            if changes || people[number]?.isTalking != sound.isSounding {
                people[number]?.isTalking = sound.isSounding
                people[number]?.isWhispering = whispers
                events.append(
                    .talking(member: number, isOn: sound.isSounding, isWhisper: whispers))
            }
        }
        let talks = engine.statistics.isTalking && !isAlone
        if talks != isTalking {
            isTalking = talks
            events.append(.talking(member: ownNumber, isOn: talks, isWhisper: isWhispering))
        }
        return events
    }

    /// How loud a member is, in -dBov: 0 the loudest, 127 silence.
    func level(of number: Int, isOwn: Bool) -> UInt8 {
        if isOwn { return engine.statistics.captureLevel }
        return engine.level(slot: number - 1)
    }

    /// What each member is told about its voice and ours. Nothing, while neither speaks: then a
    /// call costs only what keeps it alive.
    mutating func reports() -> [(member: UInt8, report: ReceiverReport)] {
        let own = engine.statistics
        let capture = own.captureDelayMilliseconds
        return numbers.compactMap { number in
            let sound = engine.memberStatistics(slot: number - 1)
            let state = (heard: sound.received, sent: own.framesEncoded)
            if let last = reported[number], last == state { return nil }
            reported[number] = state
            return (
                UInt8(number),
                ReceiverReport(
                    received: UInt32(clamping: sound.packetsReceived),
                    lost: UInt32(clamping: sound.packetsLost),
                    bursts: UInt32(clamping: sound.packetBursts),
                    jitter: tenths(sound.jitterMilliseconds), captureDelay: tenths(capture),
                    // 48 samples are ten tenths.
                    transit: UInt32(truncatingIfNeeded: sound.quickestTransit * 10 / 48))
            )
        }
    }

    private func tenths(_ milliseconds: Double) -> UInt16 {
        UInt16(clamping: Int(max(0, min(6_000, milliseconds)) * 10))
    }

    // MARK: Statistics

    /// Remembers how long the sound takes now of everybody who is heard, and how much waits to be
    /// sent, to be told how that is spread.
    mutating func noteDelays(_ connections: [MemberConnection]) {
        let sound = engine.statistics
        sendQueue.note(Double(engine.capturedFrames.count))
        for number in numbers where people[number]?.isTalking == true {
            delays[number, default: RecentDelays()].note(measured(of: number, connections, sound))
        }
    }

    mutating func statistics(
        _ connections: [MemberConnection], cpuPercent: Double, residentBytes: UInt64, isMuted: Bool
    ) -> CallStatistics {
        let sound = engine.statistics
        let members = numbers.map { number in
            var result = measured(of: number, connections, sound)
            delays[number]?.tell(&result)
            return result
        }
        return CallStatistics(
            members: members,
            cpuPercent: cpuPercent, residentBytes: residentBytes,
            captureXruns: UInt64(clamping: sound.captureXruns),
            playbackXruns: UInt64(clamping: sound.playbackXruns),
            sendQueue: engine.capturedFrames.count, sendDropped: sound.framesDropped,
            sendQueueSpread: sendQueue.spread(), isMuted: isMuted)
    }

    private func measured(
        of number: Int, _ connections: [MemberConnection], _ sound: EngineStatistics
    ) -> MemberStatistics {
        let connection = connections.first { Int($0.number) == number }
        let heard = engine.memberStatistics(slot: number - 1)
        var result = MemberStatistics(number: number)
        result.rung = connection?.route?.rung
        result.roundTripMilliseconds = connection?.roundTrip?.inMilliseconds
        result.sent = connection?.voiceFramesSent ?? 0
        result.received = UInt64(clamping: heard.received)
        result.lost = UInt64(clamping: heard.lost)
        result.late = UInt64(clamping: heard.late)
        result.concealed = UInt64(clamping: heard.concealed)
        guard heard.received > 0 else { return result }
        result.jitterMilliseconds = heard.jitterMilliseconds
        result.bufferMilliseconds = heard.bufferMilliseconds
        result.decoderMilliseconds = sound.decodingMilliseconds
        result.playbackMilliseconds = sound.playbackDelayMilliseconds
        // Capture and frame there (as it reports), half the round trip, then everything here.
        // Its first report may tell of a microphone that has not heard anything yet.
        if let roundTrip = connection?.roundTrip, let report = connection?.report,
            report.captureDelay > 0
        {
            let (capture, network) = (
                Double(report.captureDelay) / 10, roundTrip.inMilliseconds / 2
            )
            result.captureMilliseconds = capture
            result.networkMilliseconds = network
            result.mouthToEarMilliseconds =
                capture + network + heard.bufferMilliseconds + sound.decodingMilliseconds
                + sound.playbackDelayMilliseconds
        }
        return result
    }

    // MARK: Lines

    func whoLines() -> [String] {
        let lines = numbers.compactMap { number -> String? in
            guard let person = people[number] else { return nil }
            let marks =
                (person.isHost ? " (host)" : "") + (person.isMuted ? " (muted)" : "")
                + (person.isRecording ? " (records)" : "")
                + (person.isVerified ? " (verified)" : "")
            return "\(number)  \(person.name.text)\(marks)"
        }
        return ["\(ownNumber)  you"] + lines
    }

    func statisticsLines(_ statistics: CallStatistics) -> [String] {
        func text(_ value: Double?) -> String {
            value.flatMap { fixedDecimal($0, decimals: 1) } ?? "-"
        }
        func text(_ spread: MemberStatistics.Spread) -> String {
            "\(text(spread.median)), \(text(spread.most))"
        }
        let cpu = text(statistics.cpuPercent)
        let memory = text(Double(statistics.residentBytes) / 1_048_576)
        let queue = statistics.sendQueueSpread
        var lines = [
            "cpu \(cpu) % of a core, memory \(memory) MiB",
            "\(statistics.sendQueue) frames wait to be sent; in the last minute (half, 95 of 100) "
                + "\(text(queue)); dropped \(statistics.sendDropped)",
        ]
        for member in statistics.members {
            let name = people[member.number]?.name.text ?? String(member.number)
            lines.append(
                "\(name): \(member.rung?.rawValue ?? "no path"), round trip "
                    + "\(text(member.roundTripMilliseconds)) ms, mouth to ear "
                    + "\(text(member.mouthToEarMilliseconds)) ms (microphone and frame there "
                    + "\(text(member.captureMilliseconds)), network "
                    + "\(text(member.networkMilliseconds)), buffer "
                    + "\(text(member.bufferMilliseconds)), decoder "
                    + "\(text(member.decoderMilliseconds)), loudspeaker "
                    + "\(text(member.playbackMilliseconds))), jitter "
                    + "\(text(member.jitterMilliseconds)) ms; in the last minute (half, 95 of "
                    + "100): mouth to ear \(text(member.mouthToEarSpread)), microphone "
                    + "\(text(member.captureSpread)), network \(text(member.networkSpread)), "
                    + "buffer \(text(member.bufferSpread)), decoder "
                    + "\(text(member.decoderSpread)), loudspeaker "
                    + "\(text(member.playbackSpread)); received \(member.received), lost "
                    + "\(member.lost), late \(member.late), concealed \(member.concealed), sent "
                    + "\(member.sent)")
        }
        return lines
    }

    // MARK: Debugging

    /// What `/debug` says of the way to each member, and of what came through it.
    func debugLines(_ connections: [MemberConnection]) -> [String] {
        numbers.flatMap { number -> [String] in
            let heard = engine.memberStatistics(slot: number - 1)
            let connection = connections.first { Int($0.number) == number }
            let route = connection?.route.map { "\($0.rung.rawValue) to \($0.endpoint)" }
            let saving = connection.map { ", saving \($0.thrift) of \(LossControl.mostThrift)" }
            return [
                "\(number): \(route ?? "no path")\(saving ?? "")",
                "\(number): packets \(heard.packetsReceived), lost \(heard.packetsLost) in "
                    + "\(heard.packetBursts) pieces, frames recovered \(heard.recovered), twice "
                    + "\(heard.duplicates), refused \(heard.refused), left out \(heard.dropped), "
                    + "not decoded \(heard.skipped), splices \(heard.splices)",
            ]
        }
    }

    /// How our voice is encoded now.
    var encodingLine: String { "encoder: " + encodingText }

    var encodingText: String {
        let profile = encoding.profile
        let milliseconds = fixedDecimal(Double(profile.frame.sampleCount) / 48, decimals: 1) ?? "?"
        return "\(milliseconds) ms, \(profile.bitrate) bit/s, complexity "
            + "\(profile.complexity), \(profile.application == .lowDelay ? "low delay" : "voice")"
    }
}
