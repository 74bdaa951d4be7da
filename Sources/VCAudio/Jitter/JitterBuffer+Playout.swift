/// What comes next: a frame, something made up, or silence.
extension JitterBuffer {
    /// Less than this of a frame is not worth decoding: 2.5 ms.
    static let shortestRest = 120
    /// Late frames in a row after which the network is taken for changed.
    static let lateRunLimit = 4

    /// Adds samples to the queue, or moves on in the stream.
    mutating func advance(at time: Int, needed: Int) {
        switch state {
        case .silent: waitForTalkSpurt(at: time, needed: needed)
        case .playing: continueTalkSpurt(at: time, needed: needed)
        }
    }

    private mutating func waitForTalkSpurt(at time: Int, needed: Int) {
        guard let entry = store.first(from: nextSequence) else {
            appendPause(needed)
            return
        }
        let delay = time - estimator.base - entry.timestamp + queue.count
        let silence = min(target - delay, Self.longestTarget)
        guard silence <= 0 else {
            appendPause(min(silence, needed))
            if silence >= needed { return }
            startTalkSpurt(with: entry, at: time)
            return
        }
        startTalkSpurt(with: entry, at: time)
    }

    mutating func startTalkSpurt(with entry: FrameStore.Entry, at time: Int) {
        state = .playing
        decodePosition = entry.timestamp
        decoderPosition = entry.timestamp
        hasEnded = false
        forgetSeam()
        control.restart(at: time)
    }

    private mutating func continueTalkSpurt(at time: Int, needed: Int) {
        guard let entry = store.first(from: nextSequence) else {
            underrun(at: time, needed: needed)
            return
        }
        let gap = entry.timestamp - decodePosition
        if entry.end - decodePosition < Self.shortestRest {
            passOver(entry, at: time)
        } else if gap <= 0 {
            play(entry, at: time)
        } else if entry.isStartOfTalkSpurt || entry.sequence == nextSequence {
            endTalkSpurt()
        } else if concealedRun >= Self.longestConcealment {
            endTalkSpurt()
        } else {
            concealLoss(before: entry)
        }
    }

    /// The frame's time is over, though it waits here: it came too late.
    private mutating func passOver(_ entry: FrameStore.Entry, at time: Int) {
        noteLate(transit: transit(of: entry), arrival: time)
        teachDecoder(entry)
        statistics.lost += entry.sequence - nextSequence
        nextSequence = entry.sequence + 1
        store.remove(entry)
        if entry.isEndOfTalkSpurt { hasEnded = true }
    }

    /// Decodes the frame and queues what is still due of it.
    mutating func play(_ entry: FrameStore.Entry, at time: Int) {
        let skipped = max(0, decodePosition - entry.timestamp)
        if skipped == 0 { completePeriod(at: time) }
        if skipped > 0 || extender.isActive { keepTail() }
        catchUpDecoder(to: entry.timestamp)
        let count = decode(entry)
        let kept = count - min(skipped, count)
        if !entry.isEndOfTalkSpurt, settings.makesComfortNoise {
            noise.learn(decoded.energy(at: 0, count: count) / Float(count), count: count)
        }
        notePlayed(entry, skipped: skipped, at: time)
        enqueue(at: count - kept, count: kept)
        extender.end()
        insertedRun = 0
        resumeGain = 1
        concealedRun = 0
        decodePosition = entry.timestamp + count
        decoderPosition = decodePosition
        statistics.lost += entry.sequence - nextSequence
        nextSequence = entry.sequence + 1
        store.remove(entry)
        hasEnded = entry.isEndOfTalkSpurt
    }

    /// Lets the decoder learn from a frame that is not to be heard.
    mutating func teachDecoder(_ entry: FrameStore.Entry) {
        guard entry.timestamp >= decoderPosition else { return }
        catchUpDecoder(to: entry.timestamp)
        decoderPosition = entry.timestamp + decode(entry)
    }

    /// The samples of the frame, concealed ones where the decoder refuses it.
    private mutating func decode(_ entry: FrameStore.Entry) -> Int {
        do throws(CodecError) {
            return try Self.decode(entry, of: store, with: &decoder, into: decoded)
        } catch {
            statistics.refused += 1
            let whole = entry.duration / OpusDecoder.concealmentStep * OpusDecoder.concealmentStep
            decoder.conceal(whole, into: decoded)
            return whole
        }
    }

    private static func decode(
        _ entry: FrameStore.Entry, of store: borrowing FrameStore, with decoder: inout OpusDecoder,
        into samples: borrowing SampleBuffer
    ) throws(CodecError) -> Int {
        try decoder.decode(store.payload(of: entry), into: samples)
    }

    private mutating func notePlayed(_ entry: FrameStore.Entry, skipped: Int, at time: Int) {
        let spare = time - entry.arrival
        statistics.hasPlayed = true
        statistics.waiting += (Float(spare + queue.count) - statistics.waiting) / 32
        if skipped > 0 {
            noteLate(transit: transit(of: entry), arrival: time)
        } else {
            lateRun = 0
        }
        // What is decoded ahead is needed when what is queued before it has been played.
        control.noteSpare(spare + max(0, queue.count - block))
    }

    // MARK: Late frames

    mutating func noteLate(transit: Int, arrival: Int) {
        statistics.late += 1
        lateRunTransit = lateRun == 0 ? transit : min(lateRunTransit, transit)
        lateRun += 1
        guard lateRun >= Self.lateRunLimit else { return }
        lateRun = 0
        if lateRunTransit > estimator.base {
            estimator.rebase(transit: lateRunTransit, arrival: arrival)
        }
    }
}
