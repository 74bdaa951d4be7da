private func swift(_ text: String) -> SourceFile {
    SourceFile(path: "Sources/A.swift", text: text)
}

private func isScript(_ file: SourceFile) -> Bool {
    file.lines.first?.hasPrefix("#!") == true
}

/// Files whose lines are read as code.
private func isCode(_ file: SourceFile) -> Bool {
    [".swift", ".c", ".h", ".sh"].contains { file.path.hasSuffix($0) } || isScript(file)
}

/// The marks that say that something was left for later. Put together here, so that this file does
/// not break its own rule; so are the paths below.
private let laterMarks = ["FIX" + "ME", "TO" + "DO", "XX" + "X"]
/// Beginnings of paths that exist on one machine only.
private let privatePaths = ["/ho" + "me/", "/wo" + "rk/", "/Us" + "ers/", "/ro" + "ot/"]

private let longestLine = 100
private let longestFile = 500
private let largestBinary = 200_000

let textRules = [
    Rule(
        name: "a line has at most 100 characters",
        breaches: { file in
            guard isCode(file) else { return [] }
            return file.lines.enumerated().filter { $0.element.count > longestLine }
                .map { Breach(line: $0.offset + 1, what: "\($0.element.count) characters") }
        },
        bad: [
            swift(String(repeating: "a", count: 101)),
            SourceFile(
                path: "Tools/a", text: "#!/bin/sh\n" + String(repeating: "a", count: 101)),
        ],
        good: [
            swift(String(repeating: "é", count: 100)),
            SourceFile(path: "Tests/vectors.json", text: String(repeating: "a", count: 101)),
        ]),
    Rule(
        name: "a file has at most 500 lines",
        breaches: { file in
            guard isCode(file), file.lines.count > longestFile else { return [] }
            return [Breach(line: 0, what: "\(file.lines.count) lines")]
        },
        bad: [swift(String(repeating: "a\n", count: 501))],
        good: [swift(String(repeating: "a\n", count: 500))]),
    Rule(
        name: "nothing is left for later",
        breaches: { file in findWords(laterMarks, in: file.lines) },
        bad: laterMarks.map { swift("// \($0): b") },
        good: [swift("mktemp vc." + laterMarks[2] + laterMarks[2] + "; " + laterMarks[1] + "S")]),
    Rule(
        name: "no file names a path of somebody's machine",
        breaches: { file in
            file.lines.enumerated().flatMap { number, line in
                privatePaths.filter { line.contains($0) }
                    .map { Breach(line: number + 1, what: $0) }
            }
        },
        bad: privatePaths.map { SourceFile(path: "README.md", text: "see \($0)a") },
        good: [SourceFile(path: "README.md", text: "see $HOME/a and ./network/a")]),
    Rule(
        name: "no binary file above 200 kB",
        breaches: { file in
            guard file.isBinary, file.size > largestBinary else { return [] }
            return [Breach(line: 0, what: "\(file.size) bytes")]
        },
        bad: [SourceFile(path: "Tests/a.wav", bytes: Array(repeating: 0, count: 200_001))],
        good: [
            SourceFile(path: "Tests/a.wav", bytes: Array(repeating: 0, count: 200_000)),
            SourceFile(path: "Tests/a.json", bytes: Array(repeating: 32, count: 200_001)),
        ]),
    Rule(
        name: "a folder says what its files are about",
        breaches: { file in
            let folders = file.path.split(separator: "/").dropLast()
            return ["Models", "Utils", "Utilities", "Helpers", "Managers", "Common", "Misc"]
                .filter { folders.contains(Substring($0)) }
                .map { Breach(line: 0, what: "folder \($0)") }
        },
        bad: [SourceFile(path: "Sources/VCCore/Utils/A.swift", text: "")],
        good: [SourceFile(path: "Sources/VCCore/Handshake/A.swift", text: "")]),
    Rule(
        name: "a script can be run and stops at the first error",
        breaches: { file in
            guard isScript(file) else { return [] }
            var breaches: [Breach] = []
            if !file.isExecutable { breaches.append(Breach(line: 1, what: "not executable")) }
            if file.lines[0].contains("bash"), !file.lines.contains("set -euo pipefail") {
                breaches.append(Breach(line: 1, what: "no `set -euo pipefail`"))
            }
            return breaches
        },
        bad: [
            SourceFile(path: "Tools/a", text: "#!/usr/bin/env bash\nset -euo pipefail"),
            SourceFile(path: "Tools/a", text: "#!/usr/bin/env bash\necho", isExecutable: true),
        ],
        good: [
            SourceFile(
                path: "Tools/a", text: "#!/usr/bin/env bash\nset -euo pipefail",
                isExecutable: true),
            SourceFile(path: "Tools/lib.sh", text: "echo"),
        ]),
]
