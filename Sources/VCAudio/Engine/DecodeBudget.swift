internal import VCCore

/// Sees to it that decoding fits into the time that playback has: how many members are decoded, and
/// which, when the machine cannot decode all who talk. Those are the loudest.
///
/// It judges by what decoding really took, on the clock of the playback thread: where more than
/// half of the blocks of 100 ms took more than their share of the time that they play, a quarter
/// fewer members are decoded. One more is tried each second in which there was room for it. A
/// single block that took long says nothing: there the machine did something else.
struct DecodeBudget {
    /// How much of a block's time decoding and mixing may take. The rest is what the device, the
    /// network thread and everything else on the machine need.
    static var share: Double { @_noLocks @_noAllocation get { 0.7 } }
    /// One more member is tried when it would take less than this of a block.
    static var shareToGrow: Double { @_noLocks @_noAllocation get { 0.5 } }
    /// How long is looked at before a decision, in nanoseconds of sound: 100 ms.
    static let window: UInt64 = 100_000_000
    /// Windows in a row with room to spare before one more is tried: a second.
    static let windowsToGrow = 10
    /// After this long without leaving anybody out the person is warned anew: a minute.
    static let windowsToForget = 600
    /// A member that is heard stays so until another one is louder by this many dB.
    static var preference: Float { @_noLocks @_noAllocation get { 6 } }

    /// How many members are decoded at most.
    private(set) var capacity = Limits.members
    /// How loud each one is, in dB above digital silence; falls slowly, as ears do.
    private var loudness: [16 of Float] = .init(repeating: 0)
    /// Who was decoded in the block before.
    private var heard: UInt32 = 0

    private var blocks = 0
    private var slowBlocks = 0
    private var soundTime: UInt64 = 0
    private var usedTime: UInt64 = 0
    /// The most members that were decoded in a block of this window.
    private var decoded = 0
    private var leftOut = 0
    private var quietWindows = 0
    private var windowsWithAll = 0
    private var hasWarned = false

    /// Notes the level of a frame of the member in `slot`, in -dBov.
    @_noLocks @_noAllocation
    mutating func note(level: UInt8, slot: Int) {
        let value = Float(127 - min(127, level))
        let old = loudness[slot]
        // Up within two frames, down by half in 150 ms.
        loudness[slot] = old + (value - old) * (value > old ? 0.5 : 0.05)
    }

    /// Forgets how loud the member in `slot` was: somebody else has it, or nobody.
    @_noLocks @_noAllocation
    mutating func forget(slot: Int) {
        loudness[slot] = 0
    }

    /// Which of the members in `busy` (bit n: slot n) are decoded in this block.
    @_noLocks @_noAllocation
    mutating func choose(among busy: UInt32) -> UInt32 {
        let wanted = busy.nonzeroBitCount
        var chosen = busy
        if wanted > capacity {
            chosen = 0
            var count = 0
            while count < capacity {
                chosen |= 1 << UInt32(loudest(of: busy & ~chosen))
                count += 1
            }
        }
        heard = chosen
        decoded = max(decoded, chosen.nonzeroBitCount)
        leftOut = max(leftOut, wanted - chosen.nonzeroBitCount)
        return chosen
    }

    @_noLocks @_noAllocation
    private func loudest(of slots: UInt32) -> Int {
        var best = slots.trailingZeroBitCount
        var bestValue: Float = -1
        var slot = 0
        while slot < loudness.count {
            if slots & (1 << UInt32(slot)) != 0 {
                let bonus = heard & (1 << UInt32(slot)) != 0 ? Self.preference : 0
                let value = loudness[slot] + bonus
                if value > bestValue {
                    best = slot
                    bestValue = value
                }
            }
            slot += 1
        }
        return best
    }

    /// Notes that a block that plays for `sound` nanoseconds took `used`; returns how many members
    /// are left out where that is news to the person, else 0.
    @_noLocks @_noAllocation
    mutating func note(used: UInt64, sound: UInt64) -> Int {
        blocks += 1
        soundTime += sound
        usedTime += used
        if Double(used) > Double(sound) * Self.share { slowBlocks += 1 }
        guard soundTime >= Self.window else { return 0 }
        defer {
            (blocks, slowBlocks, decoded, leftOut) = (0, 0, 0, 0)
            (soundTime, usedTime) = (0, 0)
        }
        adjust()
        guard leftOut > 0 else {
            windowsWithAll += 1
            if windowsWithAll >= Self.windowsToForget { hasWarned = false }
            return 0
        }
        windowsWithAll = 0
        guard !hasWarned else { return 0 }
        hasWarned = true
        return leftOut
    }

    @_noLocks @_noAllocation
    private mutating func adjust() {
        guard decoded > 0 else { return }
        if slowBlocks * 2 > blocks {
            // One is always heard.
            capacity = max(1, min(decoded * 3 / 4, capacity - 1))
            quietWindows = 0
            return
        }
        let load = Double(usedTime) / Double(soundTime)
        let withOneMore = load * Double(decoded + 1) / Double(decoded)
        quietWindows = withOneMore < Self.shareToGrow ? quietWindows + 1 : 0
        guard quietWindows >= Self.windowsToGrow, capacity < loudness.count else { return }
        quietWindows = 0
        capacity += 1
    }
}
