internal import Glibc
internal import VCCore
internal import VCNet

@main
enum EntryPoint {
    static func main() {
        // Who hangs up, whether on our output or on a library's connection, does not end us.
        signal(SIGPIPE, SIG_IGN)
        exit(run().rawValue)
    }

    private static func run() -> ExitStatus {
        let reading: CommandLineReading
        do throws(UsageError) {
            var arguments = Arguments.ofProcess
            if arguments.count == 0, let command = StartMenu.choose() {
                arguments = Arguments(
                    count: 1, text: { _ in command.rawValue }, isOption: { _ in false })
            }
            reading = try CommandLineReading(arguments, environment: .ofProcess)
        } catch {
            StandardStream.diagnostics.write(line: "vc: \(error.message)")
            return error.status
        }
        for warning in reading.warnings {
            StandardStream.diagnostics.write(line: "vc: warning: \(warning)")
        }
        return run(reading.invocation)
    }

    private static func run(_ invocation: Invocation) -> ExitStatus {
        switch invocation {
        case .help(let topic):
            StandardStream.output.write(HelpText.text(about: topic))
            return .success
        case .completion(let shell):
            StandardStream.output.write(CompletionScript.text(for: shell))
            return .success
        case .config(let report):
            for line in report.isJSON ? report.jsonLines : report.lines {
                StandardStream.output.write(line: line)
            }
            for problem in report.problems {
                StandardStream.diagnostics.write(line: "vc: \(problem)")
            }
            return report.problems.isEmpty ? .success : .configuration
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
        case .control(let request): return ControlClient.run(request)
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
