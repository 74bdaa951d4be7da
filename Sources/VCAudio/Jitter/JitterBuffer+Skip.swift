public import VCCore

/// The stream goes on and nobody listens: where the machine cannot decode all who talk.
extension JitterBuffer {
    /// Moves on by `count` samples without decoding any. The first block of it fades out what was
    /// heard before: true, and the first `count` samples of `output` are to be played, only then.
    public mutating func skip(
        into output: borrowing SampleBuffer, count: Int, at now: Instant
    ) -> Bool {
        precondition(count > 0 && count <= Self.blockLimit, "a block")
        guard isSounding else { return false }
        block = count
        let time = time(of: now)
        statistics.target = target
        let fades = fadeOut(into: output, count: count)
        let queued = min(queue.count, count)
        queue.drop(queued)
        passTime(count - queued, at: time)
        return fades
    }

    /// What is queued dies away, or from the last sample a straight line leads to silence.
    private mutating func fadeOut(into output: borrowing SampleBuffer, count: Int) -> Bool {
        guard resumeGain > 0, state == .playing else { return false }
        let length = min(tail.count, count)
        output.clear(at: 0, count: count)
        if queue.count >= length {
            output.copy(from: queue.samples, at: queue.head, to: 0, count: length)
        } else {
            let last = queue.head > 0 ? queue.samples[queue.head - 1] : 0
            var index = 0
            while index < length {
                output[index] = last
                index += 1
            }
        }
        output.ramp(at: 0, count: length, from: 1, to: 0)
        // Whatever is decoded next rises from silence, and not from what came before the gap.
        forgetSeam()
        decoder.reset()
        return true
    }

    private mutating func passTime(_ count: Int, at time: Int) {
        if state == .silent {
            guard let entry = store.first(from: nextSequence),
                target - (time - estimator.base - entry.timestamp) <= 0
            else { return }
            startTalkSpurt(with: entry, at: time)
        }
        decodePosition += count
        decoderPosition = decodePosition
        while let entry = store.first(from: nextSequence), entry.end <= decodePosition {
            statistics.skipped += 1
            statistics.lost += entry.sequence - nextSequence
            nextSequence = entry.sequence + 1
            hasEnded = entry.isEndOfTalkSpurt
            concealedRun = 0
            store.remove(entry)
        }
        guard store.waiting == 0 else { return }
        concealedRun += count
        guard hasEnded || concealedRun >= Self.longestConcealment else { return }
        isStarved = !hasEnded
        // The room's noise was not heard, and need not fade.
        noiseRun = ComfortNoise.duration
        concealedRun = 0
        state = .silent
    }
}
