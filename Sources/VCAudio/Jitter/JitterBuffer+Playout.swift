/// What comes next: a frame, something made up, or silence.
extension JitterBuffer {
    /// Concealment goes on at full volume for this many samples: 20 ms.
    static let fullConcealment = 960
    /// Then it fades, and is silent after this many: 100 ms.
    static let longestConcealment = 4_800
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
            queue.appendSilence(needed)
            return
        }
        let delay = time - estimator.base - entry.timestamp + queue.count
        let silence = min(target - delay, Self.longestTarget)
        guard silence <= 0 else {
            queue.appendSilence(min(silence, needed))
            if silence >= needed { return }
            startTalkSpurt(with: entry, at: time)
            return
        }
        startTalkSpurt(with: entry, at: time)
    }

    mutating func startTalkSpurt(with entry: FrameStore.Entry, at time: Int) {
        state = .playing
        decodePosition = entry.timestamp
        hasEnded = false
        hasTail = false
        hasInserted = false
        concealedRun = 0
        resumeGain = 0
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
            concealLoss(of: gap)
        }
    }

    /// The frame's time is over, though it waits here: it came too late.
    private mutating func passOver(_ entry: FrameStore.Entry, at time: Int) {
        noteLate(transit: transit(of: entry), arrival: time)
        statistics.lost += entry.sequence - nextSequence
        nextSequence = entry.sequence + 1
        store.remove(entry)
        if entry.isEndOfTalkSpurt { hasEnded = true }
    }

    /// Decodes the frame and queues what is still due of it.
    mutating func play(_ entry: FrameStore.Entry, at time: Int) {
        let skipped = max(0, decodePosition - entry.timestamp)
        // The low-delay coder's frames overlap; the speech coder's have to be blended.
        let hasJumped = hasInserted && decoder.concealmentGrain > OpusDecoder.concealmentStep
        hasInserted = false
        if skipped > 0 || hasJumped, !hasTail {
            decoder.conceal(OpusDecoder.concealmentStep, into: tail)
            hasTail = true
        }
        let count = decode(entry)
        let kept = count - min(skipped, count)
        blend(at: count - kept, count: kept)
        notePlayed(entry, skipped: skipped, at: time)
        queue.append(decoded, at: count - kept, count: kept)
        decodePosition = entry.timestamp + count
        statistics.lost += entry.sequence - nextSequence
        nextSequence = entry.sequence + 1
        store.remove(entry)
        hasEnded = entry.isEndOfTalkSpurt
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
        control.noteSpare(spare)
    }

    /// Makes the start of `decoded` follow what was played before: after something made up it rises
    /// from the volume that had, after a jump it is blended with what would have come.
    private mutating func blend(at offset: Int, count: Int) {
        let window = min(tail.count, count)
        if hasTail {
            var index = 0
            while index < window {
                let weight = Float(index + 1) / Float(window + 1)
                let old = tail[index] * resumeGain
                decoded[offset + index] = old + (decoded[offset + index] - old) * weight
                index += 1
            }
            hasTail = false
        } else if resumeGain < 1 {
            decoded.ramp(at: offset, count: window, from: resumeGain, to: 1)
        }
        resumeGain = 1
        concealedRun = 0
    }

    // MARK: Nothing to play

    private mutating func underrun(at time: Int, needed: Int) {
        if hasEnded || concealedRun >= Self.longestConcealment {
            isStarved = !hasEnded
            endTalkSpurt()
            return
        }
        let step = decoder.concealmentGrain
        let count = min(OpusDecoder.frameLimit, (needed + step - 1) / step * step)
        // Below the target the made-up sound is put in, so that the late frame still finds its
        // place; at the target it takes the place of what is missing.
        let isBelowTarget = target - level(at: time) >= step
        conceal(count)
        if isBelowTarget { hasInserted = true } else { decodePosition += count }
    }

    /// Fills the gap in front of a frame that is here.
    private mutating func concealLoss(of gap: Int) {
        let step = decoder.concealmentGrain
        let count = min(FrameLoss.longestStep, (gap + step - 1) / step * step)
        conceal(count)
        decodePosition += count
    }

    private mutating func conceal(_ count: Int) {
        decoder.conceal(count, into: decoded)
        let before = Self.concealmentGain(after: concealedRun)
        let after = Self.concealmentGain(after: concealedRun + count)
        decoded.ramp(at: 0, count: count, from: before, to: after)
        queue.append(decoded, at: 0, count: count)
        concealedRun += count
        resumeGain = after
        statistics.concealedSamples += count
    }

    private static func concealmentGain(after run: Int) -> Float {
        let fade = Float(longestConcealment - fullConcealment)
        return max(0, min(1, Float(longestConcealment - run) / fade))
    }

    /// Lets the last sound die away within 2.5 ms.
    private mutating func endTalkSpurt() {
        if resumeGain > 0 {
            decoder.conceal(tail.count, into: tail)
            tail.ramp(at: 0, count: tail.count, from: resumeGain, to: 0)
            queue.append(tail, at: 0, count: tail.count)
        }
        hasTail = false
        resumeGain = 0
        concealedRun = 0
        state = .silent
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

/// Lost frames are made up in steps of one usual frame.
private enum FrameLoss {
    static let longestStep = FrameDuration.tenMilliseconds.sampleCount
}
