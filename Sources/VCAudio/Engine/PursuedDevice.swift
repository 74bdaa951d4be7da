/// One device of a pursuit. It is opened without waiting for that: a sound server that has just
/// come may not answer yet, and one that does not is no reason to give up the device that works.
struct PursuedDevice<Device> {
    /// A device that answers is open within so many milliseconds; what takes longer is looked at
    /// the next time.
    private static var patience: Int32 { 50 }

    private(set) var isWanted: Bool
    private var opening: DeviceOpening<Device>?

    init(isWanted: Bool) {
        self.isWanted = isWanted
    }

    /// Begins to open it, where it is wanted and that is not under way.
    mutating func begin(_ open: () throws(DeviceError) -> DeviceOpening<Device>) {
        guard isWanted, opening == nil else { return }
        // It fails only without a thread or a descriptor to be had: the next try may have them.
        opening = try? open()
    }

    /// The device, when it is open. That ends the pursuit of it.
    mutating func take() -> Device? {
        do throws(DeviceError) {
            guard let device = try opening?.take(within: Self.patience) else { return nil }
            giveUp()
            return device
        } catch {
            // It is tried again when that is due.
            opening = nil
            return nil
        }
    }

    /// Another one is used now.
    mutating func giveUp() {
        isWanted = false
        opening?.abandon()
        opening = nil
    }
}
