/// Who may import whom. Imports only point down; what is not listed is forbidden, Foundation too.
private let allowedImports: [(folder: String, modules: Set<String>)] = [
    ("Sources/VCCore/", ["CSodium", "Synchronization"]),
    (
        "Sources/VCAudio/",
        [
            "VCCore", "COpus", "CALSA", "CSndFile", "CSpeexDSP", "CVCLinux", "CVCProcessing",
            "CLADSPA", "Glibc", "Synchronization",
        ]
    ),
    ("Sources/VCNet/", ["VCCore", "CVCLinux", "Glibc", "Synchronization"]),
    (
        "Sources/VCPortMap/",
        ["VCCore", "VCNet", "CNATPMP", "CMiniUPnPc", "CVCLinux", "Glibc", "Synchronization"]
    ),
    ("Sources/VCHelp/", []),
    (
        "Signaling/VCSignaling/",
        ["VCCore", "VCNet", "VCHelp", "CVCLinux", "Glibc", "Synchronization"]
    ),
    ("Signaling/vc-signal/", ["VCCore", "VCNet", "VCSignaling", "VCHelp", "Glibc"]),
    ("Relay/VCRelay/", ["VCCore", "VCNet", "VCHelp", "CVCLinux", "Glibc", "Synchronization"]),
    ("Relay/vc-relay/", ["VCCore", "VCNet", "VCRelay", "VCHelp", "Glibc"]),
    (
        "Sources/vc/",
        [
            "VCCore", "VCAudio", "VCNet", "VCPortMap", "VCSignaling", "VCRelay", "VCHelp",
            "CVCLinux", "CNcurses", "CINIH", "Glibc", "Synchronization",
        ]
    ),
]

/// Where libsodium may be called: the cryptography, and the few files that wipe or hash.
private let sodiumFiles = [
    "Sources/VCCore/Crypto/", "Sources/VCCore/Code/CodeWords.swift",
    "Sources/VCCore/Text/WipedText.swift", "Sources/VCCore/Signal/KeyedHash.swift",
]

/// The imports of a file: line and module.
func imports(of file: SourceFile) -> [(line: Int, module: String)] {
    let kinds = ["struct", "class", "enum", "protocol", "func", "var", "let", "typealias"]
    let access = ["public", "internal", "private", "fileprivate", "package"]
    return file.code.enumerated().compactMap { number, line in
        guard line.contains("import") else { return nil }
        var words = line.split(separator: " ").map(String.init)
        guard let keyword = words.firstIndex(of: "import"), keyword + 1 < words.count,
            words[..<keyword].allSatisfy({ $0.hasPrefix("@") || access.contains($0) })
        else { return nil }
        words.removeFirst(keyword + 1)
        if kinds.contains(words[0]), words.count > 1 { words.removeFirst() }
        return (number + 1, String(words[0].prefix { $0 != "." && $0 != ";" }))
    }
}

let importRules = [
    Rule(
        name: "imports only point down, and nothing that ships imports Foundation",
        breaches: { file in
            guard file.isSwift, file.isProduct else { return [] }
            guard let entry = allowedImports.first(where: { file.path.hasPrefix($0.folder) }) else {
                return [Breach(line: 0, what: "no import rule for this folder")]
            }
            return imports(of: file).filter { !entry.modules.contains($0.module) }
                .map { Breach(line: $0.line, what: "imports \($0.module)") }
        },
        bad: [
            SourceFile(path: "Sources/VCCore/A.swift", text: "import Glibc"),
            SourceFile(path: "Sources/VCCore/A.swift", text: "public import Foundation"),
            SourceFile(path: "Sources/VCAudio/A.swift", text: "internal import VCNet"),
            SourceFile(path: "Sources/VCNet/A.swift", text: "@preconcurrency import VCAudio"),
            SourceFile(path: "Sources/VCNet/A.swift", text: "import struct Foundation.Data"),
            SourceFile(path: "Sources/vc/A.swift", text: "import Dispatch"),
            SourceFile(path: "Signaling/VCSignaling/A.swift", text: "internal import VCAudio"),
            SourceFile(path: "Sources/New/A.swift", text: "let a = 1"),
        ],
        good: [
            SourceFile(
                path: "Sources/VCCore/A.swift", text: "internal import CSodium\n// import Glibc"),
            SourceFile(
                path: "Sources/vc/A.swift",
                text: "internal import VCNet\nlet a = \"import Foundation\""),
            SourceFile(path: "Tests/A/A.swift", text: "import Foundation"),
        ]),
    Rule(
        name: "libsodium is called by the cryptography and by what wipes",
        breaches: { file in
            guard file.isSwift, file.isProduct,
                !sodiumFiles.contains(where: { file.path.hasPrefix($0) })
            else { return [] }
            return imports(of: file).filter { $0.module == "CSodium" }
                .map { Breach(line: $0.line, what: "imports CSodium") }
        },
        bad: [
            SourceFile(path: "Sources/VCCore/Session/A.swift", text: "internal import CSodium"),
            SourceFile(path: "Sources/vc/A.swift", text: "internal import CSodium"),
        ],
        good: [
            SourceFile(path: "Sources/VCCore/Crypto/A.swift", text: "internal import CSodium")
        ]),
    Rule(
        name: "ALSA is called by the devices",
        breaches: { file in
            guard file.isSwift, file.isProduct, !file.path.hasPrefix("Sources/VCAudio/Device/")
            else { return [] }
            return imports(of: file).filter { $0.module == "CALSA" }
                .map { Breach(line: $0.line, what: "imports CALSA") }
        },
        bad: [SourceFile(path: "Sources/VCAudio/Mixer.swift", text: "internal import CALSA")],
        good: [SourceFile(path: "Sources/VCAudio/Device/A.swift", text: "internal import CALSA")]),
]
