import Testing
import VCCore

@testable import vc

@Suite("Whispering") struct WhisperTests {
    private let ana = DisplayText(name: "ana")
    private let psst = DisplayText(message: "psst")

    @Test("is typed with names, which may have spaces, commas between them, or be numbers")
    func typed() {
        func read(_ line: String) -> InputLine {
            let bytes = Array(line.utf8)
            return InputLine(bytes.span.bytes)
        }
        #expect(
            read("/whisper ana, Ben B")
                == .command(.whisper(names: DisplayText(message: "ana, Ben B"))))
        #expect(read("/all") == .command(.all))
        #expect(
            read("/whisper")
                == .refused(
                    "this command is used so: /whisper NAME… "
                        + "(talk and write to these members only)"))
        #expect(
            read("/all ana")
                == .refused(
                    "this command is used so: /all (talk and write to everybody again)"))
    }

    @Test("finds each member that is meant, the longest name first, and nobody by chance")
    func members() {
        let people = [("ana", 1), ("ana b", 2), ("ben", 3), ("bert", 4), ("7", 5)].map {
            MemberName(number: $0.1, name: DisplayText(name: $0.0))
        }
        func find(_ typed: String) -> FoundMembers {
            findMembers(DisplayText(message: typed), among: people)
        }
        #expect(find("ana") == .found([1]))
        #expect(find("ana b") == .found([2]))
        #expect(find("ana ben") == .found([1, 3]))
        #expect(find("BEN, ana b") == .found([2, 3]))
        #expect(find("ben ben 3") == .found([3]))
        #expect(find("7 4") == .found([4, 5]))
        #expect(find("ana zoe") == .unknown("zoe"))
        #expect(find("be") == .unknown("be"))
        #expect(find("zoe ana") == .unknown("zoe"))
    }

    @Test("is a field of the events that programs read, and only where somebody whispers")
    func json() {
        let json = JSONLines()
        func text(_ event: CallEvent) -> String {
            json.lines(for: event, at: 1.5).map(\.text).joined()
        }
        #expect(
            text(.chat(ChatMessage(from: 1, name: ana, text: psst, id: 3, to: [2, 4])))
                == #"{"event":"chat","t":1.500,"from":1,"name":"ana","text":"psst","id":3,"#
                + #""to":[2,4]}"#)
        #expect(
            text(.sent(id: 4, text: psst, to: [1]))
                == #"{"event":"sent","t":1.500,"id":4,"text":"psst","to":[1]}"#)
        #expect(!text(.sent(id: 4, text: psst)).contains("to"))
        #expect(
            text(.talking(member: 1, isOn: true, isWhisper: true))
                == #"{"event":"talking","t":1.500,"member":1,"on":true,"whisper":true}"#)
        #expect(!text(.talking(member: 1, isOn: true)).contains("whisper"))
        #expect(
            text(.whispering(isOn: true, to: [2, 3]))
                == #"{"event":"whispering","t":1.500,"on":true,"to":[2,3]}"#)
    }

    @Test("is told to people once when it begins and once when it ends, on both sides")
    func plain() {
        var plain = PlainText(usesColor: false)
        func text(_ event: CallEvent) -> [String] {
            plain.lines(for: event, at: 0).map(\.text)
        }
        let members = [
            MemberName(number: 1, name: ana), MemberName(number: 2, name: DisplayText(name: "bo")),
            MemberName(number: 3, name: DisplayText(name: "cy")),
        ]
        _ = text(.joined(number: 2, members: members))
        #expect(
            text(.chat(ChatMessage(from: 1, name: ana, text: psst, id: 3, to: [2, 3])))
                == ["ana (to you and cy): psst"])
        #expect(
            text(.talking(member: 1, isOn: true, isWhisper: true)) == ["* ana whispers to you"])
        #expect(text(.talking(member: 1, isOn: false, isWhisper: true)).isEmpty)
        #expect(text(.talking(member: 1, isOn: true, isWhisper: true)).isEmpty)
        #expect(
            text(.talking(member: 1, isOn: true)) == ["* ana talks to everybody again"])
        #expect(text(.talking(member: 1, isOn: true)).isEmpty)
        #expect(
            text(.whispering(isOn: true, to: [1, 3]))
                == ["* only ana and cy can hear and read you; /all ends that"])
        #expect(text(.whispering(isOn: true, to: [])).isEmpty)
        #expect(text(.whispering(isOn: false, to: [])) == ["* everybody hears you"])
    }
}
