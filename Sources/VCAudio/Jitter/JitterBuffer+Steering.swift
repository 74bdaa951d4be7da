/// Keeps the delay at its target.
extension JitterBuffer {
    /// Above this many times the target the surplus is cut off at once.
    static let cutFactor = 4
    /// But never below this delay: 60 ms, three of the longest frames.
    static let shortestCut = 2_880

    /// Of what is cut off the decoder is given this much nevertheless, 30 ms, so that it has
    /// unlearned what came before when the sound goes on.
    static let cutLesson = 1_440

    mutating func steer(at time: Int) {
        guard state == .playing else { return }
        let level = level(at: time)
        control.noteLevel(level, target: target, at: time)
        guard let newestEnd = store.newestEnd() else { return }
        // What has arrived and was not played yet: only that can be cut off.
        let buffered = newestEnd - decodePosition + queue.count
        let limit = max(Self.cutFactor * target, Self.shortestCut)
        if level > limit, buffered > limit {
            cut(min(level, buffered) - target, at: time)
        }
    }

    /// Leaves out `length` samples, blended over 2.5 ms.
    private mutating func cut(_ length: Int, at time: Int) {
        let position = decodePosition - queue.count + length
        guard position > decodePosition else { return }
        let queued = min(queue.count, tail.count)
        if queued < tail.count {
            keepTail()
            tail.copy(from: tail, at: 0, to: queued, count: tail.count - queued)
        }
        tail.copy(from: queue.samples, at: queue.head, to: 0, count: queued)
        hasTail = true
        queue.removeAll()
        decodePosition = position
        while let entry = store.first(from: nextSequence), entry.end <= position {
            statistics.dropped += 1
            statistics.lost += entry.sequence - nextSequence
            if position - entry.end <= Self.cutLesson { teachDecoder(entry) }
            nextSequence = entry.sequence + 1
            store.remove(entry)
        }
        control.restart(at: time)
    }

    /// Shortens or lengthens what is queued, if that is wanted and the place is good.
    mutating func splice(at time: Int) {
        guard state == .playing, control.wanted != 0 else { return }
        if control.wanted > 0 { lookAhead(at: time) }
        let window =
            queue.count >= Splice.window + Splice.shortest + block
            ? Splice.window : Splice.shortestWindow
        let amount = control.wanted.magnitude
        let maximum = min(Int(amount), Splice.longest, queue.count - window)
        guard maximum >= Splice.shortest else { return }
        // What is taken out must not leave the block short.
        if control.wanted > 0, queue.count - maximum < block { return }
        var candidate = Splice.find(
            in: queue.samples, at: queue.head, maximum: maximum, window: window)
        if candidate.isQuiet { candidate.lag = min(candidate.lag, Int(control.exact.magnitude)) }
        guard control.accepts(candidate) else { return }
        if control.wanted > 0 {
            queue.shorten(by: candidate.lag, window: window)
        } else {
            queue.lengthen(by: candidate.lag, window: window)
        }
        statistics.splices += 1
        control.restart(at: time)
    }

    /// Decodes frames that are here already, so that a splice has something to look at.
    private mutating func lookAhead(at time: Int) {
        let wanted = block + Splice.longest + Splice.window
        while queue.count < wanted, let entry = store.first(from: nextSequence),
            entry.sequence == nextSequence, entry.timestamp == decodePosition, !hasTail,
            queue.hasRoom(for: OpusDecoder.frameLimit)
        {
            play(entry, at: time)
        }
    }
}
