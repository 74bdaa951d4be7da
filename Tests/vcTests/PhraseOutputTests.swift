import Testing
import VCTestKit

@testable import VCCore
@testable import vc

@Suite("A phrase on its way to the person")
struct PhraseOutputTests {
    private func written(_ body: (borrowing TunePhrase, ServerName, inout ByteWriter) -> Void)
        throws -> String
    {
        let typed = Array("walrus penicillin trombone gravel".utf8)
        let phrase = try TunePhrase(typed: typed.span.bytes, in: TestSecrets.arena)
        let server = try #require(ServerName("signal.example:4470"))
        let bytes = [UInt8](capacity: 1_024) { body(phrase, server, &$0) }
        return String(decoding: bytes, as: UTF8.self)
    }

    @Test("people get the phrase and the line to paste")
    func plain() throws {
        let text = try written { PrintedPhrase.writePlain($0, $1, into: &$2) }
        #expect(
            text == """
                The phrase is

                    walrus-penicillin-trombone-gravel

                Your friends paste

                    vc tune walrus-penicillin-trombone-gravel --signal signal.example:4470


                """)
    }

    @Test("programs get an event")
    func json() throws {
        let text = try written { PrintedPhrase.writeJSON($0, $1, at: 1.5, into: &$2) }
        #expect(
            text
                == #"{"event":"phrase","t":1.500,"phrase":"walrus-penicillin-trombone-gravel","#
                + #""server":"signal.example:4470"}"# + "\n")
    }

    @Test("who is the first is told so")
    func waiting() {
        var plain = PlainText(usesColor: false)
        #expect(plain.lines(for: .waiting, at: 0).map(\.text).first?.contains("nobody") == true)
        let json = JSONLines()
        #expect(
            json.lines(for: .waiting, at: 1.5).map(\.text)
                == [#"{"event":"waiting","t":1.500}"#])
    }

    @Test("a weak phrase is explained and not repeated")
    func weak() {
        let sentence = PhraseInput.weakness(bits: 21)
        #expect(sentence.contains("21 bits") && sentence.contains("--open"))
    }
}
