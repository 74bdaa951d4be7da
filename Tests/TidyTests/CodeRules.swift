/// Whether a file must be pure: the whole of VCCore, and every machine and service.
private func isPure(_ file: SourceFile) -> Bool {
    guard file.isSwift, file.isProduct else { return false }
    return file.path.hasPrefix("Sources/VCCore/") || file.name.hasSuffix("Machine.swift")
        || file.name.hasSuffix("Service.swift")
}

private func machine(_ text: String) -> SourceFile {
    SourceFile(path: "Sources/VCNet/PunchMachine.swift", text: text)
}

private func shell(_ text: String) -> SourceFile {
    SourceFile(path: "Sources/VCNet/Shell.swift", text: text)
}

/// Reads of a clock, randomness of its own, output, threads.
private let impureWords = [
    "ContinuousClock", "SuspendingClock", "MonotonicClock", "clock_gettime", "time(nil)",
    "SystemRandomNumberGenerator", "SystemRandom", ".random()", ".shuffled()", ".randomElement()",
    "getrandom", "vc_getrandom", "randombytes_buf", "print(", "debugPrint(", "dump(", "fputs(",
    "Task {", "Task(", "Task.", "async", "await", "Thread", "pthread_create", "DispatchQueue",
]

/// What stands in Swift's _StringProcessing, and is easily taken for a part of the library itself.
private let stringProcessing = [
    ".replacing(", ".firstRange(of:", ".ranges(of:", ".firstMatch(", ".wholeMatch(",
    ".matches(of:", ".trimmingPrefix(", "Regex<", "_StringProcessing",
]

private let impureImports = ["Glibc", "Foundation", "Dispatch"]

let codeRules = [
    Rule(
        name: "machines, services and VCCore read no clock, draw no randomness, print nothing",
        breaches: { file in
            guard isPure(file) else { return [] }
            let drawn = file.code.enumerated().compactMap { number, line -> Breach? in
                guard let call = line.firstRange(of: ".random(in:"),
                    !line[call.upperBound...].contains("using:")
                else { return nil }
                return Breach(line: number + 1, what: ".random(in:) without using:")
            }
            let imported = imports(of: file).filter { impureImports.contains($0.module) }
                .map { Breach(line: $0.line, what: "imports \($0.module)") }
            return findWords(impureWords, in: file.code) + drawn + imported
        },
        bad: impureWords.map { machine("a \($0) b") } + [
            machine("let a = Int.random(in: 0..<4)"), machine("internal import Glibc"),
            SourceFile(path: "Sources/VCCore/A.swift", text: "let a = clock_gettime(0, &b)"),
            SourceFile(
                path: "Signaling/VCSignaling/MailService.swift",
                text: "let a = \"\\(Bool.random())\""),
        ],
        good: [
            machine("// print(1)\nlet a = Int.random(in: 0..<4, using: &source)"),
            machine("let a = \"print(1)\"; fingerprint(1)"),
            shell("let a = ContinuousClock.now"),
            SourceFile(path: "Tests/ATests/AMachine.swift", text: "print(1)"),
        ]),
    Rule(
        name: "nothing that ships says try!, as! or fatalError",
        breaches: { file in
            guard file.isSwift, file.isProduct else { return [] }
            return findWords(["try!", "as!", "fatalError("], in: file.code)
        },
        bad: [shell("let a = try! b()"), shell("let a = b as! C"), shell("fatalError(\"\")")],
        good: [shell("let a = try b() // try! would trap\nlet c = \"as!\"")]),
    Rule(
        name: "nothing that ships brings in regular expressions, which cost a process 0.4 MiB",
        breaches: { file in
            guard file.isSwift, file.isProduct else { return [] }
            return findWords(stringProcessing, in: file.code)
        },
        bad: stringProcessing.map { shell("let a = b \($0) c") },
        good: [shell("// a.replacing(b, with: c)\nlet a = b.replacingEach(c, with: d)")]),
    Rule(
        name: "a machine's switch names every case",
        breaches: { file in
            guard file.isSwift, file.isProduct, file.name.hasSuffix("Machine.swift") else {
                return []
            }
            return findWords(["default:"], in: file.code)
        },
        bad: [machine("switch a {\ncase .b: c()\ndefault: break\n}")],
        good: [machine("// default: none"), shell("default: break")]),
    Rule(
        name: "a function has at most 70 lines",
        breaches: { file in file.isSwift ? longFunctions(in: file.code) : [] },
        bad: [
            machine("func a() {\n" + String(repeating: "b()\n", count: 69) + "}"),
            machine("init(\na: Int\n) {\n" + String(repeating: "b()\n", count: 70) + "}"),
            machine("@a public static func a<B>(\nb: B = { 1 }()\n) {" + many("b()", 70) + "}"),
        ],
        good: [
            machine("func a() {\n" + String(repeating: "b()\n", count: 68) + "}"),
            machine("protocol A {\nfunc a()\n}\nlet c = [" + many("1,", 90) + "]"),
            machine("protocol A {\nfunc a()\nfunc b()\n}\nenum C {" + many("case c", 90) + "}"),
            machine("func a() { }\nlet c = [" + many("1,", 90) + "]"),
        ]),
]

private func many(_ line: String, _ count: Int) -> String {
    "\n" + String(repeating: line + "\n", count: count)
}
