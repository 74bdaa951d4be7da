import Glibc
import Testing

@testable import vc

@Suite("The help")
struct HelpTextTests {
    /// With VC_UPDATE_SNAPSHOTS=1 the texts are written instead of compared; read the difference
    /// before committing it.
    @Test(
        "is what was last read and approved",
        arguments: [HelpTopic.overview, .events] + Command.allCases.map(HelpTopic.command))
    func snapshot(topic: HelpTopic) throws {
        let text = HelpText.text(about: topic)
        let name =
            switch topic {
            case .command(let command): "help-\(command)"
            case .events: "help-events"
            case .overview, .manualPage: "help"
            }
        let path = "\(directory)/Snapshots/\(name).txt"
        if getenv("VC_UPDATE_SNAPSHOTS") != nil {
            let file = try #require(fopen(path, "w"))
            fputs(text, file)
            fclose(file)
        }
        #expect(try contents(of: path) == text)
    }

    @Test("fits a terminal of 80 columns")
    func width() {
        for text in [HelpText.overview, HelpText.events] + Command.allCases.map(HelpText.text) {
            for line in text.split(separator: "\n") {
                #expect(line.count <= 80, "\(line)")
            }
        }
    }

    private var directory: String {
        String(#filePath.prefix(upTo: #filePath.lastIndex(of: "/") ?? #filePath.endIndex))
    }

    private func contents(of path: String) throws -> String {
        let file = try #require(fopen(path, "r"))
        defer { fclose(file) }
        var bytes: [UInt8] = []
        while case let byte = fgetc(file), byte != EOF { bytes.append(UInt8(byte)) }
        return String(decoding: bytes, as: UTF8.self)
    }
}
