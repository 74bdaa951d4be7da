internal import Glibc
internal import VCCore
internal import VCNet

@main
enum EntryPoint {
    static func main() {
        exit(run().rawValue)
    }

    private static func run() -> ExitStatus {
        let invocation: Invocation
        do throws(UsageError) {
            invocation = try Invocation(.ofProcess, environment: .ofProcess)
        } catch {
            StandardStream.diagnostics.write(line: "vc: \(error.message)")
            return .usage
        }
        switch invocation {
        case .help(let command):
            StandardStream.output.write(command.map(HelpText.text) ?? HelpText.overview)
            return .success
        case .version:
            StandardStream.output.write(line: "vc \(softwareVersion), protocol \(protocolVersion)")
            return .success
        case .host(let options): return Call.host(options)
        case .join(let options, let code): return Call.join(options, code: code)
        case .tune(let options, let phrase, let acceptsWeak):
            return Call.tune(options, phrase: phrase, acceptsWeak: acceptsWeak)
        case .devices(let json):
            for line in json ? DeviceListing.jsonLines() : DeviceListing.lines() {
                StandardStream.output.write(line: line)
            }
            return .success
        case .doctor(let options): return Doctor.run(options)
        case .demo(let json, let directory): return Demo.run(json: json, directory: directory)
        }
    }
}

extension Arguments {
    /// The arguments of this process. Only what is asked for is made a String.
    static var ofProcess: Arguments {
        Arguments(count: Int(CommandLine.argc) - 1) { place in
            unsafe CommandLine.unsafeArgv[place + 1].map { unsafe String(cString: $0) } ?? ""
        } isOption: { place in
            guard let argument = unsafe CommandLine.unsafeArgv[place + 1] else { return false }
            return unsafe argument[0] == CChar(bitPattern: UInt8(ascii: "-")) && argument[1] != 0
        } isDash: { place in
            guard let argument = unsafe CommandLine.unsafeArgv[place + 1] else { return false }
            return unsafe argument[0] == CChar(bitPattern: UInt8(ascii: "-")) && argument[1] == 0
        }
    }
}

extension Environment {
    /// The environment of this process.
    static var ofProcess: Environment {
        Environment(
            signal: unsafe getenv("VC_SIGNAL").map { unsafe String(cString: $0) },
            hasSignalToken: unsafe getenv("VC_SIGNAL_TOKEN").map { unsafe $0[0] != 0 } ?? false,
            hasCode: unsafe getenv("VC_CODE").map { unsafe $0[0] != 0 } ?? false,
            hasPhrase: unsafe getenv("VC_PHRASE").map { unsafe $0[0] != 0 } ?? false)
    }
}
