import ALSAFixture
import Glibc
import Synchronization

/// The sound card of ALSAFixture for one test: a directory with the cable and an ALSA configuration
/// that knows `speaker` and `microphone`.
public final class FixtureCard: @unchecked Sendable {
    public enum Side: Int, Sendable {
        case playback = 0
        case capture = 1
    }

    public enum Fault: Int32, Sendable {
        case none = 0
        case overrun = 1
        case suspend = 2
        case unplugged = 3
        case stall = 4
    }

    /// The fixture could not be set up; says what failed.
    public struct NotMade: Error {
        public let what: String
    }

    /// Put in the environment of a program (ALSA_CONFIG_PATH), these are its devices.
    public let configurationPath: String
    private let directory: String
    private let shared: UnsafeMutablePointer<vc_fixture_shared>

    public init(
        playbackPPM: Int = 0, capturePPM: Int = 0, rate: Int = 48_000, channels: Int = 1
    ) throws {
        var template = Array("/tmp/vc-fixture-XXXXXX".utf8CString)
        let made = template.withUnsafeMutableBufferPointer { mkdtemp($0.baseAddress!) }
        guard let made else { throw NotMade(what: "no directory in /tmp") }
        directory = String(cString: made)
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
        configurationPath = directory + "/asound.conf"
        guard let file = fopen(configurationPath, "w") else {
            throw NotMade(what: configurationPath)
        }
        fputs(configuration, file)
        fclose(file)
        let descriptor = open(cable, O_RDWR | O_CREAT, 0o600)
        ftruncate(descriptor, MemoryLayout<vc_fixture_shared>.size)
        let memory = mmap(
            nil, MemoryLayout<vc_fixture_shared>.size, PROT_READ | PROT_WRITE, MAP_SHARED,
            descriptor, 0)
        close(descriptor)
        guard let memory, memory != MAP_FAILED else { throw NotMade(what: cable) }
        shared = memory.bindMemory(to: vc_fixture_shared.self, capacity: 1)
    }

    deinit {
        munmap(shared, MemoryLayout<vc_fixture_shared>.size)
        unlink(directory + "/cable")
        unlink(configurationPath)
        rmdir(directory)
    }

    /// Asks for a fault, or ends a lasting one.
    public func set(_ fault: Fault, on side: Side) {
        if side == .playback {
            shared.pointee.control.fault.0 = fault.rawValue
        } else {
            shared.pointee.control.fault.1 = fault.rawValue
        }
        atomicMemoryFence(ordering: .sequentiallyConsistent)
    }

    /// Makes it the sound card of this process, of which there can be one at a time.
    public func useHere() { setenv("ALSA_CONFIG_PATH", configurationPath, 1) }

    /// Moves the microphone away from the loudspeaker, by so many samples of sound.
    public func setEchoDelay(samples: Int) {
        shared.pointee.control.echo_delay = Int32(samples)
        atomicMemoryFence(ordering: .sequentiallyConsistent)
    }

    /// How often the side was opened and started.
    public func opened(_ side: Side) -> Int {
        Int(side == .playback ? shared.pointee.control.opened.0 : shared.pointee.control.opened.1)
    }

    public func started(_ side: Side) -> Int {
        Int(side == .playback ? shared.pointee.control.started.0 : shared.pointee.control.started.1)
    }

    /// How often a momentary fault was met.
    public func faults(_ side: Side) -> Int {
        Int(side == .playback ? shared.pointee.control.faults.0 : shared.pointee.control.faults.1)
    }

    /// SwiftPM builds the plugin beside the test executable.
    private static func library() throws -> String {
        var buffer = [CChar](repeating: 0, count: 4_096)
        let length = readlink("/proc/self/exe", &buffer, buffer.count - 1)
        guard length > 0 else { throw NotMade(what: "/proc/self/exe") }
        let path = String(decoding: buffer[..<length].map(UInt8.init(bitPattern:)), as: UTF8.self)
        let directory = path.split(separator: "/").dropLast().joined(separator: "/")
        let library = "/\(directory)/libasound_module_pcm_vcfixture.so"
        guard access(library, R_OK) == 0 else { throw NotMade(what: "\(library) is not built") }
        return library
    }
}
