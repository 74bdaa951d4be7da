internal import Synchronization

// How what is heard sounds. Control thread.
extension AudioEngine {
    /// Makes all members equally loud from now on, or leaves them as loud as they are.
    public func setLeveling(_ isOn: Bool) {
        shared.isLeveling.store(isOn, ordering: .relaxed)
    }

    /// Turns what is too loud down from now on, or cuts it off.
    public func setLimiting(_ isOn: Bool) {
        shared.isLimiting.store(isOn, ordering: .relaxed)
    }

    /// Makes what is heard brighter or darker.
    public func setEqualizer(_ setting: EqualizerSetting) {
        shared.equalizer.store(setting.packed, ordering: .relaxed)
    }

    /// Tells by a tone that somebody came, or went. Nothing, while the loudspeakers are closed.
    public func playTone(isArrival: Bool) {
        guard !shared.isDeafened.load(ordering: .relaxed) else { return }
        let kind = isArrival ? RoomTone.Kind.arrival : .departure
        shared.tone.store(kind.rawValue, ordering: .sequentiallyConsistent)
        shared.wakePlayback()
    }
}
