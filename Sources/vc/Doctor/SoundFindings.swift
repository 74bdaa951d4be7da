internal import VCAudio

/// Tries out the microphone and the loudspeaker.
enum SoundFindings {
    /// Calls `tell` with each finding as it comes: three seconds where there is a sound card.
    static func run(_ options: CallOptions, tell: (Finding) -> Void) {
        defer { tell(.processing(processing())) }
        let microphone = tryOut(options.capture) { device throws(DeviceError) in
            .works(try SoundCheck.listen(to: device))
        } standIn: { device throws(DeviceError) in
            // A file has to be there.
            try SoundCheck.open(capture: device)
        }
        tell(.microphone(name: options.capture.device.description, microphone))
        let loudspeaker = tryOut(options.playback) { device throws(DeviceError) in
            try SoundCheck.open(device)
            return .works(nil)
        }
        tell(.loudspeaker(name: options.playback.device.description, loudspeaker))
        switch (microphone, loudspeaker) {
        case (.works, .works): tell(echo(options))
        case (.fails, _), (_, .fails): return
        case (_, _): tell(.echo(nil))
        }
    }

    private static func processing() -> ProcessingError? {
        do throws(ProcessingError) {
            _ = try MicrophoneProcessing(.all)
            return nil
        } catch {
            return error
        }
    }

    /// Only sound cards are tried: what stands in for a loudspeaker may be a file that would be
    /// overwritten.
    private static func tryOut(
        _ choice: DeviceChoice, _ body: (DeviceName) throws(DeviceError) -> Finding.Device,
        standIn: (DeviceName) throws(DeviceError) -> Void = { _ in }
    ) -> Finding.Device {
        do throws(DeviceError) {
            if case .alsa = choice { return try body(choice.device) }
            try standIn(choice.device)
            return .standIn
        } catch {
            return .fails("\(error)")
        }
    }

    private static func echo(_ options: CallOptions) -> Finding {
        do throws(DeviceError) {
            return .echo(
                try SoundCheck.echo(
                    capture: options.capture.device, playback: options.playback.device))
        } catch {
            return .echoFailed("\(error)")
        }
    }
}
