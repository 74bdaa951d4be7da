/// What is done to the sound of the microphone before it is encoded.
public struct ProcessingOptions: Sendable, Equatable {
    /// Takes out what lies below speech: hum, wind, a table that is knocked at.
    public var highPass: Bool
    /// Takes out what the loudspeakers play. Costs 7 ms of delay.
    public var echoCancellation: Bool
    /// Takes out noise that does not change: fans, traffic. Costs 6 ms of delay.
    public var noiseSuppression: Bool
    /// Makes a voice about as loud as voices usually are.
    public var gainControl: Bool
    /// Tells voice from other sound, so that only voice is sent.
    public var voiceDetection: Bool

    /// How much of the noise is taken out, at the cost of the voice in it.
    public enum Suppression: Int, Sendable, CaseIterable {
        case low, moderate, high, veryHigh
    }

    public var suppression = Suppression.moderate

    /// How much of what the canceller's filter leaves of an echo is taken out, at the cost of words
    /// in double talk.
    public enum EchoSuppression: Int, Sendable, CaseIterable {
        case low, moderate, high
    }

    /// What the filter subtracts does nearly all, given a reference that does not drift; more takes
    /// words out of double talk (STOI 0.84 and 0.73 instead of 0.90).
    public var echoSuppression = EchoSuppression.low

    /// How much later than the sound card says what is played is heard, in milliseconds, as of a
    /// loudspeaker with a radio between. 0...300: longer ways are not remembered.
    public var echoDelayMilliseconds = 0
    public static let echoDelays = 0...300

    /// How loud gain control makes a voice, in dB below full scale: as loud as speech usually is in
    /// calls. 0...31, the library's own limits.
    public var gainTarget = 3
    public static let gainTargets = 0...31

    /// By how many dB gain control makes a voice louder at most: no more than can be made of a poor
    /// microphone without making its noise loud. 0...90, the library's own limits.
    public var gainMaximum = 9
    public static let gainMaxima = 0...90

    public init(
        highPass: Bool, echoCancellation: Bool, noiseSuppression: Bool, gainControl: Bool,
        voiceDetection: Bool
    ) {
        self.highPass = highPass
        self.echoCancellation = echoCancellation
        self.noiseSuppression = noiseSuppression
        self.gainControl = gainControl
        self.voiceDetection = voiceDetection
    }

    /// Nothing: the microphone as it is.
    public static let none = ProcessingOptions(
        highPass: false, echoCancellation: false, noiseSuppression: false, gainControl: false,
        voiceDetection: false)

    /// What is best for a voice in a room with loudspeakers.
    public static let all = ProcessingOptions(
        highPass: true, echoCancellation: true, noiseSuppression: true, gainControl: true,
        voiceDetection: true)

    /// Only frames of a multiple of this many samples can be processed: 10 ms.
    public static let frameSamples = FrameDuration.tenMilliseconds.sampleCount
}
