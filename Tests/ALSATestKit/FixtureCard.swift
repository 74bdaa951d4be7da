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
        case broken = 5
        case hang = 6
    }

    /// The fixture could not be set up; says what failed.
    public struct NotMade: Error {
        public let what: String
    }

    /// Put in the environment of a program (ALSA_CONFIG_PATH), these are its devices.
    public let configurationPath: String
    private let directory: String
    private let configuration: String
    private let shared: UnsafeMutablePointer<vc_fixture_shared>
    /// What the loudspeaker plays, where that is not what the microphone hears.
    private let room: UnsafeMutablePointer<vc_fixture_shared>

    /// - Parameters:
    ///   - isLoop: whether the loudspeaker's cable leads to the microphone. Without that `say` is
    ///     what the microphone hears, `heard` what the loudspeaker plays, and what `set` and the
    ///     counts are about is the microphone.
    ///   - fewestPeriods: of which a buffer is made.
    ///   - leastPeriod: frames of the shortest period.
    ///   - isCoarse: whether the microphone hands over whole periods only, as a sound server does.
    ///   - takesPeriods: whether the loudspeaker takes whole periods only, as many cards do.
    public init(
        playbackPPM: Int = 0, capturePPM: Int = 0, rate: Int = 48_000, channels: Int = 1,
        isLoop: Bool = true, fewestPeriods: Int = 2, leastPeriod: Int = 64,
        isCoarse: Bool = false, takesPeriods: Bool = false
    ) throws {
        var template = Array("/tmp/vc-fixture-XXXXXX".utf8CString)
        let made = template.withUnsafeMutableBufferPointer { mkdtemp($0.baseAddress!) }
        guard let made else { throw NotMade(what: "no directory in /tmp") }
        directory = String(cString: made)
        let cable = directory + "/cable"
        let played = isLoop ? cable : directory + "/room"
        let library = try Self.library()
        configuration = """
            pcm_type.vcfixture { lib "\(library)" }
            pcm.speaker {
                type vcfixture cable "\(played)" ppm \(playbackPPM).0 rate \(rate)
                channels \(channels) periods \(fewestPeriods) period \(leastPeriod)
                blocks \(takesPeriods ? 1 : 0)
                hint { show on description "Fixture speaker" }
            }
            pcm.microphone {
                type vcfixture cable "\(cable)" ppm \(capturePPM).0 rate \(rate)
                channels \(channels) periods \(fewestPeriods) period \(leastPeriod)
                blocks \(isCoarse ? 1 : 0)
            }
            """
        configurationPath = directory + "/asound.conf"
        try Self.write(configuration, to: configurationPath)
        shared = try Self.map(cable)
        room = try isLoop ? shared : Self.map(played)
    }

    private static func map(_ cable: String) throws -> UnsafeMutablePointer<vc_fixture_shared> {
        let descriptor = open(cable, O_RDWR | O_CREAT, 0o600)
        ftruncate(descriptor, MemoryLayout<vc_fixture_shared>.size)
        let memory = mmap(
            nil, MemoryLayout<vc_fixture_shared>.size, PROT_READ | PROT_WRITE, MAP_SHARED,
            descriptor, 0)
        close(descriptor)
        guard let memory, memory != MAP_FAILED else { throw NotMade(what: cable) }
        return memory.bindMemory(to: vc_fixture_shared.self, capacity: 1)
    }

    deinit {
        munmap(shared, MemoryLayout<vc_fixture_shared>.size)
        if room != shared { munmap(room, MemoryLayout<vc_fixture_shared>.size) }
        unlink(directory + "/cable")
        unlink(directory + "/room")
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

    /// The sample of the cables that belongs to a time of CLOCK_MONOTONIC, in seconds.
    public static func sample(at time: Double) -> Int { Int((time * 48_000).rounded(.down)) }

    /// Where `default` leads: to the cable of the microphone, or to the one that the loudspeaker
    /// plays on. Until this is called there is no `default`.
    public func setDefault(_ side: Side) throws {
        let cable = directory + (side == .capture ? "/cable" : "/room")
        let text = configuration + "\npcm.default { type vcfixture cable \"\(cable)\" ppm 0.0 }\n"
        try Self.write(text, to: configurationPath)
    }

    private static func write(_ text: String, to path: String) throws {
        guard let file = fopen(path, "w") else { throw NotMade(what: path) }
        fputs(text, file)
        fclose(file)
    }

    /// What is on the cable of the microphone, as `heard` of the loudspeaker's.
    public func microphoneCable(from sample: Int, count: Int) -> [Float] {
        let cable = Self.samples(of: shared)
        return (0..<count).map { Float(cable[(sample + $0) & (Self.cableLength - 1)]) / 32_767 }
    }

    /// Puts sound in front of the microphone, to be heard from the given sample on, up to 2 s
    /// ahead.
    public func say(_ sound: [Float], at sample: Int) {
        let cable = Self.samples(of: shared)
        for (index, value) in sound.enumerated() {
            cable[(sample + index) & (Self.cableLength - 1)] = Int16(value * 32_767)
        }
    }

    /// What the loudspeaker played from the given sample on: up to 4 s ago.
    public func heard(from sample: Int, count: Int) -> [Float] {
        let cable = Self.samples(of: room)
        return (0..<count).map { Float(cable[(sample + $0) & (Self.cableLength - 1)]) / 32_767 }
    }

    private static let cableLength = Int(VC_FIXTURE_CABLE_SAMPLES)

    private static func samples(
        of card: UnsafeMutablePointer<vc_fixture_shared>
    ) -> UnsafeMutablePointer<Int16> {
        let offset = MemoryLayout<vc_fixture_control>.size
        return (UnsafeMutableRawPointer(card) + offset).assumingMemoryBound(to: Int16.self)
    }

    /// Makes it the sound card of this process, of which there can be one at a time.
    public func useHere() { setenv("ALSA_CONFIG_PATH", configurationPath, 1) }

    /// Moves the microphone away from the loudspeaker, by so many samples of sound.
    public func setEchoDelay(samples: Int) {
        shared.pointee.control.echo_delay = Int32(samples)
        atomicMemoryFence(ordering: .sequentiallyConsistent)
    }

    /// How often the side was closed.
    public func closed(_ side: Side) -> Int {
        Int(side == .playback ? shared.pointee.control.closed.0 : shared.pointee.control.closed.1)
    }

    /// How often the side was opened and started.
    public func opened(_ side: Side) -> Int {
        Int(side == .playback ? shared.pointee.control.opened.0 : shared.pointee.control.opened.1)
    }

    /// How long the buffer of the side is.
    public func bufferMilliseconds(_ side: Side) -> Double {
        let frames = shared.pointee.control.buffer
        return Double(side == .playback ? frames.0 : frames.1) / 48
    }

    /// From here on `bufferMilliseconds` is that of the device that is made ready next, and zero
    /// until then.
    public func forgetBuffers() { shared.pointee.control.buffer = (0, 0) }

    public func started(_ side: Side) -> Int {
        Int(side == .playback ? shared.pointee.control.started.0 : shared.pointee.control.started.1)
    }

    /// How often a momentary fault was met, or one of `broken`.
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
