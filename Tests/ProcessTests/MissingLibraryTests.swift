import Foundation
import Testing

extension ProcessTests {
    @Suite("Without libwebrtc-audio-processing")
    struct MissingLibraryTests {
        /// A folder in which the dynamic loader looks first, and finds a file of the library's name
        /// that is none.
        private func folder(_ stage: Stage) throws -> String {
            let folder = "\(stage.folder)/libraries"
            try FileManager.default.createDirectory(
                atPath: folder, withIntermediateDirectories: true)
            for name in ["libwebrtc_audio_processing.so.1", "libwebrtc-audio-processing-1.so.3"] {
                try Data().write(to: URL(fileURLWithPath: "\(folder)/\(name)"))
            }
            let others = ProcessInfo.processInfo.environment["LD_LIBRARY_PATH"]
            return others.map { "\(folder):\($0)" } ?? folder
        }

        @Test("A call goes on with the sound as it is; it is said at the start, and by vc doctor")
        func call() async throws {
            let stage = try Stage()
            let environment = ["LD_LIBRARY_PATH": try folder(stage)]
            let server = try await stage.server()
            let (said, path) = ("\(stage.folder)/said.wav", "\(stage.folder)/heard.wav")
            // A sound of a room, which is processed where it can be.
            let tone = (0..<480_000).map { 8_192 * sinf(2 * .pi * Float($0 % 48) / 48) }
            try writeTrack(tone.map { Int16($0) }, to: said)
            let host = try await stage.host(
                at: server, ["--playback", "file:\(path)", "--no-leveling", "--no-tones"])
            let doctor = try stage.start(
                "vc",
                [
                    "doctor", "--json", "--signal", server.address, "--capture", "tone",
                    "--playback", "silence",
                ], environment: environment)
            let joiner = try stage.start(
                "vc",
                [
                    "join", host.code, "--json", "--capture", "file:\(said)", "--playback",
                    "silence", "--talk", "open",
                ], environment: environment)
            let warning = try await joiner.event("warning")
            #expect(warning.text("kind") == "unprocessed")
            #expect(warning.text("message").hasPrefix("your microphone goes out as it is (lib"))
            #expect(warning.text("message").contains("is not installed"))
            try await host.program.event("voice")
            try await Task.sleep(for: .seconds(1))
            #expect(try await doctor.status(within: .seconds(20)) == 0)
            for program in [joiner, host.program] { program.type("/quit") }
            for program in [joiner, host.program] { #expect(try await program.status() == 0) }
            // Where the library is there, it takes a tone for noise.
            let heard = share(of: 1_000, in: try samples(of: path).suffix(38_400).prefix(19_200))
            #expect(abs(heard - 0.25) < 0.03, "\(heard)")
            let line = try #require(
                doctor.events("check").first { $0.text("check") == "processing" })
            #expect(line.text("state") == "warning")
            #expect(line.text("message").hasPrefix("no echo cancellation, noise suppression or"))
            #expect(doctor.events.last?.bool("possible") == true)
        }

        @Test("Built without its headers the interface is whole, and says that there is nothing")
        func withoutHeaders() async throws {
            let stage = try Stage()
            let library = "\(stage.folder)/absent.so"
            let sources = Self.root + "/Sources/CVCProcessing"
            let header = sources + "/include/CVCProcessing.h"
            let bodies = try FileManager.default.contentsOfDirectory(atPath: sources)
                .filter { $0.hasSuffix(".cpp") }.map { "\(sources)/\($0)" }
            // As Package.swift has it built, but for the folders of the headers.
            let compiler = try stage.start(
                "/usr/bin/env",
                [
                    "clang++", "-std=c++17", "-Wall", "-Werror", "-fPIC", "-shared", "-I",
                    sources + "/include", "-o", library,
                ] + bodies)
            #expect(
                try await compiler.status(within: .seconds(60)) == 0,
                "\(compiler.diagnosticsText)")
            let loaded = try #require(dlopen(library, RTLD_NOW | RTLD_LOCAL))
            defer { dlclose(loaded) }
            let names = try String(contentsOfFile: header, encoding: .utf8)
                .matches(of: #/(vc_processing_\w+)\(/#).map { String($0.1) }
            #expect(names.contains("vc_processing_create") && names.count >= 8)
            for name in names { #expect(dlsym(loaded, name) != nil, "\(name)") }
            typealias Library = @convention(c) () -> UnsafePointer<CChar>?
            typealias Create =
                @convention(c) (UInt32, OpaquePointer?, UnsafeMutablePointer<Int32>)
                -> OpaquePointer?
            let theirs = unsafeBitCast(
                dlsym(loaded, "vc_processing_library"), to: Library.self)
            let create = unsafeBitCast(dlsym(loaded, "vc_processing_create"), to: Create.self)
            var error: Int32 = 0
            #expect(theirs() == nil)
            #expect(create(31, nil, &error) == nil)
            #expect(error == 1, "VC_PROCESSING_NOT_BUILT")
        }

        /// Of the repository.
        private static let root = #filePath.components(separatedBy: "/Tests/")[0]
    }
}
