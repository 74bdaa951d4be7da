internal import VCAudio
internal import VCCore

/// What the command line asks for.
enum Invocation: Equatable {
    case host(CallOptions)
    case join(CallOptions, code: CodeSource)
    case tune(CallOptions, phrase: PhraseSource, acceptsWeak: Bool)
    case demo(json: Bool, directory: String?)
    case doctor(CallOptions)
    case devices(json: Bool)
    /// Shows what holds.
    case config(ConfigurationReport)
    case completion(Shell)
    /// Asks a running call for something.
    case control(ControlRequest)
    case version
    case help(HelpTopic)
}

/// What `vc help` is to explain.
enum HelpTopic: Equatable {
    case overview
    case command(Command)
    /// What `--json` prints.
    case events
    /// All of it, as a man page.
    case manualPage
}

/// Where the room code comes from. Never the code itself: it is read as bytes from there.
enum CodeSource: Equatable {
    /// The operands at these places of argv (0 is the first after the program's name), which
    /// belong together: a shell splits a code that was typed with spaces.
    case arguments([Int])
    /// $VC_CODE.
    case environment
    case configuration(SecretPlace)
    /// The person at the terminal.
    case terminal
}

/// Where the phrase of `vc tune` comes from. Never the phrase itself.
enum PhraseSource: Equatable {
    /// The operands at these places of argv, which belong together.
    case arguments([Int])
    /// $VC_PHRASE.
    case environment
    case configuration(SecretPlace)
    /// The person at the terminal: `vc tune -`.
    case terminal
    /// One is made.
    case made
}

/// The options of `vc host`, `vc tune` and `vc join`, some of which `vc doctor` takes too. Nil: not
/// given, the caller chooses.
struct CallOptions: Equatable {
    var signal: ServerName?
    var signalToken: SignalTokenSource?
    var advertise: ServerName?
    var listen: ListenAddress?
    /// Whether rooms are looked for in the local network, and ours can be found there.
    var usesLocalNetwork = true
    var name: DisplayText?
    var isMuted = false
    var isRaw = false
    /// Nobody hears our loudspeakers.
    var isHeadset = false
    var suppressesNoise = true
    var controlsGain = true
    var suppression = ProcessingOptions.Suppression.moderate
    var insert: PluginChoice?
    var isSteady = false
    var capture = DeviceChoice.alsa("default")
    var playback = DeviceChoice.alsa("default")
    var talk = TalkMode.voice
    /// The key that is held to talk.
    var talkKey = TalkKey.usual
    /// The program that is run on each event.
    var exec: String?
    /// Where what is said and heard is written.
    var record: String?
    var equalizer = EqualizerChoice.flat
    /// Whether everybody is made equally loud.
    var isLeveling = true
    /// Whether a tone tells who comes and goes.
    var hasTones = true
    /// Whether what lies below speech is taken out.
    var cutsLow = true
    /// In -dBov; nil: it follows the noise.
    var voiceThreshold: Int?
    /// How long the microphone stays open after the last word, in milliseconds.
    var voiceHold: Int?
    /// How long packets of the others are waited for at least and at most, in milliseconds.
    var shortestBuffer: Double?
    var longestBuffer: Double?
    var makesComfortNoise = true
    /// Whether what you hear goes through the limiter.
    var isLimiting = true
    /// How long the devices' buffers are, in milliseconds.
    var captureBuffer: Int?
    var playbackBuffer: Int?
    var echoSuppression = ProcessingOptions.EchoSuppression.low
    /// How much later than the sound card says the loudspeaker sounds, in milliseconds.
    var echoDelay: Int?
    /// In dB below full scale, and in dB.
    var gainTarget: Int?
    var gainMaximum: Int?
    /// The earlier frames that go along in each packet; nil: as losses call for.
    var redundancy: Redundancy?
    /// In percent.
    var expectedLoss: Int?
    /// In milliseconds, and how many may be missing.
    var keepalive: Int?
    var keepaliveMisses: Int?
    /// The effort of the encoder, 0 to 10.
    var complexity: Int?
    /// Bits per second.
    var bitrate: Int?
    var frame: FrameLength?
    /// The full-screen interface where there is a terminal for it, else lines.
    var form = OutputForm.screen
    var rungs = RungPolicy()
    var duration: Duration?
}

/// Where the token of a signaling server stands that does not open rooms for everybody. Never the
/// token itself: it is read as bytes from there.
enum SignalTokenSource: Equatable {
    case file(String)
    /// $VC_SIGNAL_TOKEN.
    case environment
    case configuration(SecretPlace)
}

/// `[ADDR:]PORT`.
struct ListenAddress: Equatable {
    /// Nil: every address of the machine.
    let address: String?
    let port: UInt16

    init?(_ text: String) {
        if let port = decimalInteger(text, in: 1...65_535) {
            self.address = nil
            self.port = UInt16(port)
            return
        }
        guard let name = ServerName(text), let port = name.port else { return nil }
        self.address = name.host
        self.port = port
    }
}

/// Where sound comes from or goes to.
enum DeviceChoice: Equatable {
    /// A PCM of ALSA.
    case alsa(String)
    case file(String)
    /// A sine of so many hertz.
    case tone(Int)
    case silence

    /// What `tone` is without a number.
    static let defaultTone = 440
    /// What a speaker and the codec carry.
    static let tones = 20...20_000

    init?(_ text: String) {
        let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        let rest = parts.count == 2 ? String(parts[1]) : nil
        switch (parts[0], rest) {
        case ("alsa", let name?) where !name.isEmpty: self = .alsa(name)
        case ("file", let path?) where !path.isEmpty: self = .file(path)
        case ("tone", nil): self = .tone(Self.defaultTone)
        case ("tone", let hertz?):
            guard let hertz = decimalInteger(hertz, in: Self.tones) else { return nil }
            self = .tone(hertz)
        case ("silence", nil): self = .silence
        default: return nil
        }
    }
}

enum TalkMode: String, Equatable, CaseIterable {
    /// The microphone is always open.
    case open
    /// Opened by voice.
    case voice
    /// Held open by a key, or by `vc ptt`.
    case ptt
}

/// The length of a frame; the raw value is microseconds.
enum FrameLength: Int, CaseIterable, Equatable {
    case twoAndAHalf = 2_500
    case five = 5_000
    case ten = 10_000
    case twenty = 20_000

    init?(milliseconds text: String) {
        guard let value = decimalNumber(text),
            let match = Self.allCases.first(where: { Double($0.rawValue) == value * 1_000 })
        else { return nil }
        self = match
    }
}

/// How many earlier frames go along in each packet.
enum Redundancy: String, CaseIterable, Equatable {
    /// As many as the losses of who hears us call for.
    case auto
    case without = "0"
    case one = "1"
    case two = "2"
}

enum OutputForm: Equatable {
    /// The full-screen interface.
    case screen
    case plain
    case json
}

/// `text` as a whole number, digits only, if it lies in `range`.
func decimalInteger(_ text: String, in range: ClosedRange<Int>) -> Int? {
    guard !text.isEmpty, text.utf8.allSatisfy({ (48...57).contains($0) }), let value = Int(text),
        range.contains(value)
    else { return nil }
    return value
}

/// `text` as a number: a sign, digits, and a fraction after a point. Nothing else that Double
/// reads: no exponent, no infinity, no hexadecimal.
func decimalNumber(_ text: String) -> Double? {
    var digits = Substring(text).utf8
    if let sign = digits.first, sign == UInt8(ascii: "-") || sign == UInt8(ascii: "+") {
        digits = digits.dropFirst()
    }
    let parts = digits.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
    guard (1...2).contains(parts.count), digits.count <= 20,
        parts.allSatisfy({ !$0.isEmpty && $0.allSatisfy { (48...57).contains($0) } })
    else { return nil }
    return Double(text)
}
