internal import CVCLinux
internal import Synchronization
internal import VCCore

/// Playback's view of the members: takes their frames, decodes them and adds them up. Only who
/// sounds is looked at: a member that says nothing costs nothing, however many there are.
final class MemberMix {
    private let shared: EngineShared
    /// What the members sound like together, after `mix`.
    private(set) var mixer = Mixer()
    private let block = SampleBuffer(count: Mixer.blockLimit)
    private var tone = RoomTone()
    private var budget = DecodeBudget()
    /// Bit n: there may be something to play, or to say, of the member in slot n.
    private var busy: UInt32 = 0
    /// Bit n: the member in slot n went away, and may still be heard.
    private var gone: UInt32 = 0

    init(shared: EngineShared) {
        self.shared = shared
    }

    /// Whether anybody has something to be played.
    var hasFrames: Bool {
        busy != 0 || shared.pending.load(ordering: .sequentiallyConsistent) != 0 || hasTone
    }

    /// Whether it is being told that somebody came or went.
    var hasTone: Bool {
        tone.isPlaying || shared.tone.load(ordering: .sequentiallyConsistent) != 0
    }

    /// Makes the next `count` samples.
    func mix(_ count: Int) {
        mixer.begin(count: count)
        mixer.equalizer.set(packed: shared.equalizer.load(ordering: .relaxed))
        mixer.isLimiting = shared.isLimiting.load(ordering: .relaxed)
        busy |= shared.pending.exchange(0, ordering: .sequentiallyConsistent)
        if busy != 0 { mixMembers(count) }
        playTone(count)
        mixer.finish(count: count)
    }

    private func mixMembers(_ count: Int) {
        let start = Pace.now()
        let now = Instant(nanoseconds: vc_boottime_nanoseconds())
        let isDeafened = shared.isDeafened.load(ordering: .relaxed)
        unsafe forEachBusy { slot, member in
            unsafe self.takeFrames(of: member, slot, keeps: !isDeafened)
        }
        let chosen = budget.choose(among: busy)
        unsafe forEachBusy { slot, member in
            let isHeard = chosen & (1 << UInt32(slot)) != 0 && !isDeafened
            unsafe self.play(member, slot, count: count, now: now, isHeard: isHeard)
        }
        unsafe letGo { slot, member in
            unsafe self.play(member, slot, count: count, now: now, isHeard: false)
        }
        let leftOut = budget.note(
            used: Pace.now() - start, sound: UInt64(count) * 62_500 / 3)
        if leftOut > 0 {
            shared.tell(
                EventRecord(kind: .overloaded, code: Int32(clamping: leftOut)), of: .playback)
        }
    }

    private func playTone(_ count: Int) {
        if shared.tone.load(ordering: .relaxed) != 0,
            let kind = RoomTone.Kind(rawValue: shared.tone.exchange(0, ordering: .acquiring))
        {
            tone.start(kind)
        }
        guard tone.isPlaying else { return }
        tone.play(into: block, count: count)
        mixer.add(block, count: count, previousGain: 1, gain: 1)
    }

    /// What has come is not kept for later: nobody listens.
    func discard() {
        shared.tone.store(0, ordering: .relaxed)
        busy |= shared.pending.exchange(0, ordering: .sequentiallyConsistent)
        unsafe forEachBusy { slot, member in
            unsafe self.takeFrames(of: member, slot, keeps: false)
            unsafe member.pointee.jitter?.reset()
            unsafe self.rest(member, slot)
        }
        unsafe letGo { _, _ in }
    }

    private func forEachBusy(
        _ body: (_ slot: Int, _ member: UnsafeMutablePointer<MemberSlot>) -> Void
    ) {
        var left = busy
        while left != 0 {
            let slot = left.trailingZeroBitCount
            left &= left - 1
            let member = unsafe shared.members + slot
            if unsafe member.pointee.isActive.load(ordering: .acquiring) {
                unsafe body(slot, member)
            } else {
                busy &= ~(1 << UInt32(slot))
                gone |= 1 << UInt32(slot)
            }
        }
    }

    /// Their places are empty after `body`: whoever takes them begins anew.
    private func letGo(
        _ body: (_ slot: Int, _ member: UnsafeMutablePointer<MemberSlot>) -> Void
    ) {
        while gone != 0 {
            let slot = gone.trailingZeroBitCount
            gone &= gone - 1
            let member = unsafe shared.members + slot
            unsafe body(slot, member)
            busy &= ~(1 << UInt32(slot))
            unsafe member.pointee.publishSilence()
            budget.forget(slot: slot)
        }
    }

    /// Moves what the network brought into the jitter buffer.
    private func takeFrames(
        of member: UnsafeMutablePointer<MemberSlot>, _ slot: Int, keeps: Bool
    ) {
        if unsafe member.pointee.isTakenAnew.exchange(false, ordering: .acquiring) {
            // What the one before left would begin the new stream, which then fits nowhere.
            let former = unsafe member.pointee.formerFrames.load(ordering: .relaxed)
            unsafe member.pointee.ring?.drop(first: former)
            unsafe member.pointee.jitter?.startOver()
            unsafe member.pointee.appliedGain = 1
            unsafe member.pointee.leveler = Leveler()
            budget.forget(slot: slot)
        }
        if unsafe member.pointee.wantsReset.exchange(false, ordering: .acquiring) {
            unsafe member.pointee.jitter?.reset()
        }
        guard let ring = unsafe member.pointee.ring else { return }
        while ring.pop({ frame, payload in
            guard keeps else { return }
            self.budget.note(level: frame.level, slot: slot)
            if unsafe member.pointee.publish(
                level: frame.level, isWhispering: frame.flags.contains(.whisper))
            {
                self.shared.controlWake.signal()
            }
            unsafe member.pointee.jitter?.receive(frame, payload: payload)
        }) {}
    }

    private func play(
        _ member: UnsafeMutablePointer<MemberSlot>, _ slot: Int, count: Int, now: Instant,
        isHeard: Bool
    ) {
        let isLeveling = shared.isLeveling.load(ordering: .relaxed)
        let sounds =
            isHeard
            ? unsafe member.pointee.jitter?.pull(into: block, count: count, at: now) ?? false
            : unsafe member.pointee.jitter?.skip(into: block, count: count, at: now) ?? false
        if sounds {
            let level =
                isLeveling && isHeard
                ? unsafe member.pointee.leveler.listen(to: block, count: count)
                : unsafe member.pointee.leveler.relax()
            let chosen = Float(bitPattern: unsafe member.pointee.gain.load(ordering: .relaxed))
            let gain = chosen * level
            mixer.add(
                block, count: count, previousGain: unsafe member.pointee.appliedGain, gain: gain)
            unsafe member.pointee.appliedGain = gain
        }
        guard unsafe member.pointee.jitter?.isSounding ?? false else {
            return unsafe rest(member, slot)
        }
        unsafe publish(member, isSounding: true)
    }

    /// The member says nothing until its next frame comes.
    private func rest(_ member: UnsafeMutablePointer<MemberSlot>, _ slot: Int) {
        busy &= ~(1 << UInt32(slot))
        unsafe member.pointee.publishSilence()
        unsafe publish(member, isSounding: false)
    }

    private func publish(_ member: UnsafeMutablePointer<MemberSlot>, isSounding: Bool) {
        guard let statistics = unsafe member.pointee.jitter?.statistics else { return }
        // The wait for the very first frame is no sound yet.
        if unsafe member.pointee.publish(
            statistics, isSounding: isSounding && statistics.hasPlayed)
        {
            shared.controlWake.signal()
        }
    }
}
