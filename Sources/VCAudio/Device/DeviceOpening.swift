internal import Synchronization

/// A device that is being opened on a thread of its own. A sound server that hangs keeps who asks
/// it waiting without end: that must be nobody who has something else to do.
final class DeviceOpening<Device>: @unchecked Sendable {
    /// A sound server that starts when it is asked needs a second; five are without an answer.
    static var patience: Int32 { 5_000 }

    /// A device is used by one thread at a time: first by the one that opens it.
    private enum State: @unchecked Sendable {
        case opening
        case opened(Device)
        case failed(DeviceError)
        /// It was taken, or nobody wants it any more.
        case over
    }

    private let name: String
    private let letGo: (Device) -> Void
    private let state = Mutex(State.opening)
    /// Signalled when it was opened, or failed.
    private let done: EventSignal

    /// Begins to open the device `name`. `letGo` closes one that nobody wants any more, without
    /// waiting for that.
    init(
        _ name: String, open: @escaping () throws(DeviceError) -> Device,
        letGo: @escaping (Device) -> Void
    ) throws(DeviceError) {
        self.name = name
        self.letGo = letGo
        done = try EventSignal()
        _ = try AudioThread(name: "vc-open", isRealTime: false) { _ in
            do throws(DeviceError) {
                self.end(.opened(try open()))
            } catch {
                self.end(.failed(error))
            }
        }
    }

    /// A device that came too late goes with `outcome`, and is closed here.
    private func end(_ outcome: State) {
        state.withLock { state in
            if case .opening = state { state = outcome }
        }
        done.signal()
    }

    /// The device, or why there is none; nil while it is being opened, and when it was taken.
    func take() throws(DeviceError) -> Device? {
        let outcome = state.withLock { state in
            guard case .opening = state else {
                defer { state = .over }
                return state
            }
            return state
        }
        switch outcome {
        case .opening, .over: return nil
        case .opened(let device): return device
        case .failed(let error): throw error
        }
    }

    /// The same, after so many milliseconds at most.
    func take(within milliseconds: Int32) throws(DeviceError) -> Device? {
        done.wait(milliseconds: milliseconds)
        return try take()
    }

    /// Waits for the device, so many milliseconds at most.
    func wait(milliseconds: Int32 = DeviceOpening.patience) throws(DeviceError) -> Device {
        if let device = try take(within: milliseconds) { return device }
        abandon()
        throw .unavailable(device: name, reason: "it does not answer")
    }

    /// Nobody wants it any more.
    func abandon() {
        let former = state.withLock { state in
            defer { state = .over }
            return state
        }
        if case .opened(let device) = former { letGo(device) }
    }
}
