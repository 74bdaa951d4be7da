/// Why a device failed, on its way from an audio thread to the control thread.
final class DeviceFailure: Sendable {
    let error: DeviceError

    init(_ error: DeviceError) {
        self.error = error
    }
}
