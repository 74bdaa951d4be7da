import ALSAFixture
import Glibc
import Synchronization
import Testing

/// The sound card of ALSAFixture for one test: a directory with the cable and an ALSA configuration
/// that knows `speaker` and `microphone`.
final class FixtureCard: @unchecked Sendable {
    enum Side: Int {
        case playback = 0
        case capture = 1
    }

    enum Fault: Int32 {
        case none = 0
        case overrun = 1
        case suspend = 2
        case unplugged = 3
        case stall = 4
    }

    private let directory: String
    private let shared: UnsafeMutablePointer<vc_fixture_shared>

    init(
        playbackPPM: Int = 0, capturePPM: Int = 0, rate: Int = 48_000, channels: Int = 1
    ) throws {
        var template = Array("/tmp/vc-fixture-XXXXXX".utf8CString)
        let made = template.withUnsafeMutableBufferPointer { mkdtemp($0.baseAddress!) }
        directory = String(cString: try #require(made))
        let cable = directory + "/cable"
        let library = try Self.library()
        let configuration = """
            pcm_type.vcfixture { lib "\(library)" }
            pcm.speaker {
                type vcfixture cable "\(cable)" ppm \(playbackPPM).0 rate \(rate)
                channels \(channels) hint { show on description "Fixture speaker" }
            }
            pcm.microphone {
                type vcfixture cable "\(cable)" ppm \(capturePPM).0 rate \(rate)
                channels \(channels)
            }
            """
        let path = directory + "/asound.conf"
        let file = try #require(fopen(path, "w"))
        fputs(configuration, file)
        fclose(file)
        setenv("ALSA_CONFIG_PATH", path, 1)
        let descriptor = open(cable, O_RDWR | O_CREAT, 0o600)
        ftruncate(descriptor, MemoryLayout<vc_fixture_shared>.size)
        let memory = mmap(
            nil, MemoryLayout<vc_fixture_shared>.size, PROT_READ | PROT_WRITE, MAP_SHARED,
            descriptor, 0)
        close(descriptor)
        shared = try #require(memory).bindMemory(to: vc_fixture_shared.self, capacity: 1)
    }

    deinit {
        munmap(shared, MemoryLayout<vc_fixture_shared>.size)
        unlink(directory + "/cable")
        unlink(directory + "/asound.conf")
        rmdir(directory)
    }

    /// Asks for a fault, or ends a lasting one.
    func set(_ fault: Fault, on side: Side) {
        if side == .playback {
            shared.pointee.control.fault.0 = fault.rawValue
        } else {
            shared.pointee.control.fault.1 = fault.rawValue
        }
        atomicMemoryFence(ordering: .sequentiallyConsistent)
    }

    /// How often the side was opened and started.
    func opened(_ side: Side) -> Int {
        Int(side == .playback ? shared.pointee.control.opened.0 : shared.pointee.control.opened.1)
    }

    func started(_ side: Side) -> Int {
        Int(side == .playback ? shared.pointee.control.started.0 : shared.pointee.control.started.1)
    }

    /// How often a momentary fault was met.
    func faults(_ side: Side) -> Int {
        Int(side == .playback ? shared.pointee.control.faults.0 : shared.pointee.control.faults.1)
    }

    /// SwiftPM builds the plugin beside the test executable.
    private static func library() throws -> String {
        var buffer = [CChar](repeating: 0, count: 4_096)
        let length = readlink("/proc/self/exe", &buffer, buffer.count - 1)
        try #require(length > 0)
        let path = String(decoding: buffer[..<length].map(UInt8.init(bitPattern:)), as: UTF8.self)
        let directory = path.split(separator: "/").dropLast().joined(separator: "/")
        let library = "/\(directory)/libasound_module_pcm_vcfixture.so"
        try #require(access(library, R_OK) == 0, "\(library) is not built")
        return library
    }
}
