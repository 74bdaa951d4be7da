/// What is played in place of sound that is not there, and how real sound follows it.
extension JitterBuffer {
    /// Concealment goes on at full volume for this many samples: 20 ms.
    static let fullConcealment = 960
    /// Then it fades, and is silent after this many: 100 ms.
    static let longestConcealment = 4_800
    /// What the decoder makes up at once: 10 ms. (It counts calls: after five it gives up the
    /// pitch for noise.)
    static let decoderConcealment = FrameDuration.tenMilliseconds.sampleCount
    /// Lost frames that the decoder is told of before it goes on with the next one: 20 ms. More
    /// change nothing in what it has learned.
    static let longestCatchUp = 960

    /// Frames after a loss until the decoder is told of another one. libopus 1.3 makes up loud
    /// noise when only one or two frames lie between; left alone it goes on without.
    static let framesToRecover = 3

    // MARK: Seams

    /// Keeps what would come next, so that what comes instead can be blended into it.
    mutating func keepTail() {
        guard !hasTail else { return }
        extender.take(tail.count, into: tail)
        tail.ramp(at: 0, count: tail.count, from: resumeGain, to: resumeGain)
        hasTail = true
    }

    /// Queues `count` samples of `decoded` from `offset` on, so that they follow what was played
    /// before: after a jump they are blended with what would have come, after something softer
    /// they rise from the volume that had.
    mutating func enqueue(at offset: Int, count: Int) {
        let window = min(tail.count, count)
        if hasTail, window > 0 {
            var index = 0
            while index < window {
                let weight = Float(index + 1) / Float(window + 1)
                let old = tail[index]
                decoded[offset + index] = old + (decoded[offset + index] - old) * weight
                index += 1
            }
            hasTail = false
        } else if resumeGain < 1 {
            decoded.ramp(at: offset, count: window, from: resumeGain, to: 1)
        }
        queue.append(decoded, at: offset, count: count)
        extender.note(decoded, at: offset, count: count)
    }

    // MARK: Nothing to play

    mutating func underrun(at time: Int, needed: Int) {
        if hasEnded || concealedRun >= Self.longestConcealment {
            isStarved = !hasEnded
            endTalkSpurt()
            return
        }
        // Below the target the made-up sound is put in, so that the late frame still finds its
        // place; at the target it takes the place of what is missing.
        let count = min(Self.decoderConcealment, needed)
        if target - level(at: time) >= OpusDecoder.concealmentStep {
            insertedRun += count
        } else {
            decodePosition += count
        }
        extend(count)
    }

    /// The frame that was waited for has come: goes on to the end of the period, if the delay has
    /// room for it, so that the frame follows in phase.
    mutating func completePeriod(at time: Int) {
        guard extender.isActive, insertedRun > 0 else { return }
        let rest = (extender.lag - insertedRun % extender.lag) % extender.lag
        guard rest > 0, level(at: time) + rest <= target + Self.phaseSlack,
            queue.hasRoom(for: rest + OpusDecoder.frameLimit)
        else { return }
        insertedRun += rest
        var missing = rest
        while missing > 0 {
            let count = min(missing, Self.decoderConcealment)
            extend(count)
            missing -= count
        }
    }

    /// How far above the target the delay may go for the sake of the phase: 2.5 ms.
    private static let phaseSlack = 120

    private mutating func extend(_ count: Int) {
        // A seam that still waits is made with what goes on.
        extender.take(count, into: decoded)
        queueMadeUp(at: 0, count: count)
    }

    /// Fills the gap in front of a frame that is here: what lies between is lost, and the decoder
    /// is told so.
    mutating func concealLoss(before entry: FrameStore.Entry) {
        let step = decoder.concealmentGrain
        let missing = entry.timestamp - decoderPosition
        guard missing > 0, framesSinceLoss >= Self.framesToRecover else {
            // The decoder is there already, or had better not be asked.
            extendGap(entry.timestamp - decodePosition)
            return
        }
        let count = min(Self.decoderConcealment, (missing + step - 1) / step * step)
        let played = max(0, decodePosition - decoderPosition)
        if extender.isActive { keepTail() }
        decoder.conceal(count, into: decoded)
        decoderPosition += count
        isDecoderConcealing = true
        guard played < count else { return }
        extender.end()
        insertedRun = 0
        queueMadeUp(at: played, count: count - played)
        decodePosition += count - played
    }

    private mutating func extendGap(_ gap: Int) {
        let count = min(gap, Self.decoderConcealment)
        decodePosition += count
        extend(count)
    }

    /// Tells the decoder of lost frames whose time was filled already.
    mutating func catchUpDecoder(to timestamp: Int) {
        defer { noteDecoded(after: timestamp - decoderPosition) }
        guard framesSinceLoss >= Self.framesToRecover else { return }
        var missing = min(Self.longestCatchUp, timestamp - decoderPosition)
        let step = decoder.concealmentGrain
        while missing >= step {
            let count = min(Self.decoderConcealment, missing)
            decoder.conceal(count / step * step, into: decoded)
            missing -= count
        }
    }

    private mutating func noteDecoded(after gap: Int) {
        let isAfterLoss = isDecoderConcealing || gap > 0
        framesSinceLoss = isAfterLoss ? 0 : min(framesSinceLoss + 1, Self.framesToRecover)
        isDecoderConcealing = false
    }

    private mutating func queueMadeUp(at offset: Int, count: Int) {
        let before = Self.concealmentGain(after: concealedRun)
        let after = Self.concealmentGain(after: concealedRun + count)
        decoded.ramp(at: offset, count: count, from: before, to: after)
        if after < 1 {
            noise.add(to: decoded, at: offset, count: count, from: 1 - before, to: 1 - after)
            noiseRun = 0
        }
        resumeGain = 1
        enqueue(at: offset, count: count)
        concealedRun += count
        resumeGain = after
        statistics.concealedSamples += count
    }

    private static func concealmentGain(after run: Int) -> Float {
        let fade = Float(longestConcealment - fullConcealment)
        return max(0, min(1, Float(longestConcealment - run) / fade))
    }

    /// Lets the last sound die away within 2.5 ms.
    mutating func endTalkSpurt() {
        if resumeGain > 0 || hasTail {
            keepTail()
            tail.ramp(at: 0, count: tail.count, from: 1, to: 0)
            queue.append(tail, at: 0, count: tail.count)
        }
        forgetSeam()
        state = .silent
    }

    /// What comes next follows silence.
    mutating func forgetSeam() {
        extender.clear()
        insertedRun = 0
        hasTail = false
        resumeGain = 0
        concealedRun = 0
    }

    // MARK: Comfort noise

    /// Silence; or, after the made-up sound of a loss has faded, the noise of the room for a while.
    mutating func appendPause(_ count: Int) {
        guard isNoiseAudible else {
            queue.appendSilence(count)
            return
        }
        var missing = count
        while missing > 0 {
            let length = min(missing, decoded.count)
            decoded.clear(at: 0, count: length)
            noise.add(
                to: decoded, at: 0, count: length, from: ComfortNoise.gain(after: noiseRun),
                to: ComfortNoise.gain(after: noiseRun + length))
            noiseRun += length
            queue.append(decoded, at: 0, count: length)
            missing -= length
        }
    }

    /// Whether noise is still to be heard while nothing comes.
    var isNoiseAudible: Bool {
        isStarved && noise.isAudible && noiseRun < ComfortNoise.duration
    }
}
