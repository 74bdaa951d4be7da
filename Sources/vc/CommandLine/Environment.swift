internal import CVCLinux
internal import Glibc
internal import VCHelp

/// The variables of the environment that begin with `VC_`. Those that hold a secret are only known
/// to be there; their bytes are read where they are needed.
struct Environment {
    /// The values of those that stand for an option, by name.
    private var values: [String: String] = [:]
    private var secrets: Set<SecretSetting> = []
    /// Names that stand for nothing, in the order of the alphabet.
    private(set) var unknown: [String] = []
    /// Where the configuration file is when nothing is said: `$XDG_CONFIG_HOME/vc/config`.
    var configurationPath: String?

    init(
        _ values: [String: String] = [:], secrets: Set<SecretSetting> = [], unknown: [String] = []
    ) {
        self.values = values
        self.secrets = secrets
        self.unknown = unknown
    }

    /// What a variable says; nil when it is not set or empty.
    func value(of option: Option) -> String? {
        values[option.variable].flatMap { $0.isEmpty ? nil : $0 }
    }

    /// `$VC_CONFIG`.
    var chosenConfiguration: String? { values["VC_CONFIG"].flatMap { $0.isEmpty ? nil : $0 } }

    /// Sentences about variables that were probably meant to be others. What resembles none of ours
    /// belongs to somebody else.
    var misspelled: [String] {
        let known =
            Option.all.filter(\.isSetting).map(\.variable)
            + SecretSetting.allCases.map(\.variable)
        return unknown.compactMap { name in
            nearest(to: name, among: known).map {
                "$\(name) is no setting of vc and was left out; did you mean $\($0)?"
            }
        }
    }

    func has(_ secret: SecretSetting) -> Bool { secrets.contains(secret) }

    /// The environment of this process.
    static var ofProcess: Environment {
        var environment = Environment()
        for option in Option.all where option.isSetting || option.name == "config" {
            environment.values[option.variable] = variable(option.variable)
        }
        for secret in SecretSetting.allCases {
            guard let value = unsafe getenv(secret.variable), unsafe value[0] != 0 else { continue }
            environment.secrets.insert(secret)
        }
        environment.unknown = unknownNames
        environment.configurationPath = configurationPath(
            configurationHome: variable("XDG_CONFIG_HOME"), home: variable("HOME"))
        return environment
    }

    /// As the XDG base directory specification has it: paths that are not absolute are ignored.
    static func configurationPath(configurationHome: String?, home: String?) -> String? {
        if let folder = configurationHome, folder.hasPrefix("/") { return folder + "/vc/config" }
        guard let home, home.hasPrefix("/") else { return nil }
        return home + "/.config/vc/config"
    }

    private static func variable(_ name: String) -> String? {
        unsafe getenv(name).map { unsafe String(cString: $0) }
    }

    /// Only names are looked at: what stands behind them may be a secret.
    private static var unknownNames: [String] {
        var known = Set(Option.all.map(\.variable))
        known.formUnion(SecretSetting.allCases.map(\.variable))
        var names: [String] = []
        var place = 0
        while let entry = unsafe vc_environment_entry(place) {
            place += 1
            guard unsafe strncmp(entry, "VC_", 3) == 0 else { continue }
            let length = unsafe strcspn(entry, "=")
            let name = unsafe String(
                decoding: UnsafeRawBufferPointer(start: entry, count: length), as: UTF8.self)
            if !known.contains(name) { names.append(name) }
        }
        return names.sorted()
    }
}
