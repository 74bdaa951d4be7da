import ALSATestKit
import Foundation
import Testing

extension ProcessTests {
    /// The host's tone goes to the joiner's loudspeaker, through the cable of the fixture's sound
    /// card into the joiner's microphone, and back to the host, which records it. So what stands
    /// in the recording has passed both devices.
    @Suite("With a sound card that fails")
    struct ALSACallTests {
        @Test(
            "A call survives EPIPE, ESTRPIPE, ENODEV and a stall, on clocks that are 100 ppm off",
            arguments: [FixtureCard.Side.playback, .capture])
        func faults(side: FixtureCard.Side) async throws {
            let card = try FixtureCard(playbackPPM: 100, capturePPM: 100)
            let call = try await DeviceCall(configuration: card.configurationPath)
            try await call.expectHeard(within: .seconds(5), since: .now)
            for fault in [FixtureCard.Fault.overrun, .suspend] {
                try await momentary(fault, on: side, of: card, call)
            }
            #expect(call.warnings.isEmpty, "a device was given up for a fault of a moment")
            for fault in [FixtureCard.Fault.unplugged, .stall] {
                try await lasting(fault, on: side, of: card, call)
            }
            try await call.expectFrames()
            let xruns = side == .playback ? "playback_xruns" : "capture_xruns"
            #expect(try #require(call.joiner.events("stats").last).number(xruns) >= 1)
            try await call.end()
        }

        @Test("The default device is followed in mid-call, though it does not open at once")
        func followsDefault() async throws {
            let stage = try Stage()
            let server = try await stage.server()
            let card = try FixtureCard(isLoop: false)
            try card.setDefault(.playback)
            let program = try stage.start(
                "vc",
                [
                    "host", "--json", "--signal", server.address, "--capture", "tone:300",
                    "--playback", "alsa:default",
                ], environment: ["ALSA_CONFIG_PATH": card.configurationPath])
            try await program.event("code")
            // The modification time of a file has the steps of a tick of the kernel.
            try await Task.sleep(for: .milliseconds(700))
            card.set(.unplugged, on: .playback)
            try card.setDefault(.capture)
            try await Task.sleep(for: .milliseconds(800))
            #expect(program.events("warning").allSatisfy { $0.text("kind") != "device-changed" })
            card.set(.none, on: .playback)
            try await program.event("warning", within: .seconds(4)) {
                $0.text("kind") == "device-changed"
                    && $0.text("message").hasPrefix("the loudspeaker is ")
            }
            program.type("/quit")
            #expect(try await program.status() == 0)
        }

        private func momentary(
            _ fault: FixtureCard.Fault, on side: FixtureCard.Side, of card: FixtureCard,
            _ call: DeviceCall
        ) async throws {
            let met = card.faults(side)
            let started = card.started(side)
            card.set(fault, on: side)
            try await call.wait("\(side) starts again after \(fault)", .seconds(1)) {
                card.faults(side) > met && card.started(side) > started
            }
            try await call.expectHeard(within: .seconds(1), since: .now)
        }

        private func lasting(
            _ fault: FixtureCard.Fault, on side: FixtureCard.Side, of card: FixtureCard,
            _ call: DeviceCall
        ) async throws {
            let known = call.warnings.count
            let opened = card.opened(side)
            card.set(fault, on: side)
            try await call.wait("\(side) is told as lost after \(fault)", .seconds(3)) {
                call.warnings.dropFirst(known).contains { $0.text("kind") == "device-lost" }
            }
            try await call.wait("nothing is heard without \(side)", .seconds(3)) {
                call.recording.isSilent
            }
            let word = side == .playback ? "loudspeaker" : "microphone"
            #expect(call.warnings.dropFirst(known).allSatisfy { $0.text("message").contains(word) })
            card.set(.none, on: side)
            let mended = ContinuousClock.now
            // A hanging device can be opened, and hangs again: it is told once all the same.
            try await call.wait("\(side) is back after \(fault)", .seconds(3)) {
                call.warnings.count > known + 1
                    && call.warnings.last?.text("kind") == "device-back"
            }
            #expect(
                call.warnings.dropFirst(known).map { $0.text("kind") }
                    == ["device-lost", "device-back"])
            // The recording is 0.3 s behind.
            try await call.expectHeard(within: .milliseconds(1_300), since: mended)
            #expect(call.warnings.last?.text("kind") == "device-back")
            #expect(card.opened(side) > opened)
        }
    }
}
