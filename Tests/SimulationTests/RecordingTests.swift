import Testing
import VCTestKit

@testable import VCCore

extension Node {
    /// Who was told to record, or to have ended it, in order.
    fileprivate var recordings: [(member: UInt8, on: Bool)] {
        events.compactMap {
            if case .recording(let member, let on) = $0 { (member, on) } else { nil }
        }
    }

    /// What was told of members, in order: came, or records.
    fileprivate var story: [String] {
        events.compactMap {
            switch $0 {
            case .joined(_, let members): "in with \(members.map(\.number))"
            case .member(let member, .joined): "\(member.number) joined"
            case .recording(let member, let on): "\(member) records \(on)"
            case .muted(let member, true): "\(member) muted"
            default: nil
            }
        }
    }
}

/// Telling that the call is recorded.
extension RoomTests {
    @Test("everybody is told that a member records, and that it ended, each once")
    func recordingIsTold() throws {
        try room(of: 4, seed: 31) { world, nodes in
            let author = nodes[1].number
            nodes[1].machine.setRecording(true, now: world.now)
            nodes[1].machine.setRecording(true, now: world.now)
            world.run(for: .seconds(1))
            for index in [0, 2, 3] {
                let told = nodes[index].recordings
                #expect(told.map { $0.member } == [author] && told.map { $0.on } == [true])
            }
            #expect(nodes[1].recordings.isEmpty)
            nodes[1].machine.setRecording(false, now: world.now)
            world.run(for: .seconds(1))
            for index in [0, 2, 3] {
                #expect(nodes[index].recordings.map { $0.on } == [true, false])
            }
        }
    }

    @Test("who comes later is told whose microphone is closed, once, behind who is there")
    func mutingIsToldToNewcomers() throws {
        try room(of: 3, seed: 33) { world, nodes in
            let author = nodes[2].number
            nodes[2].machine.setMuted(true, now: world.now)
            world.run(for: .seconds(1))
            #expect(nodes[0].story.last == "\(author) muted")
            let late = try world.addJoiner(name: "late", code: nodes[0].code)
            world.run(for: .seconds(5))
            let report = Comment(rawValue: "\(late.story)")
            #expect(late.story.first?.hasPrefix("in with") == true, report)
            #expect(late.story.filter { $0 == "\(author) muted" }.count == 1, report)
        }
    }

    @Test("who comes later is told too, behind being told who is there", arguments: [0, 2])
    func recordingIsToldToNewcomers(recorder: Int) throws {
        try room(of: 3, seed: 32) { world, nodes in
            let author = nodes[recorder].number
            nodes[recorder].machine.setRecording(true, now: world.now)
            world.run(for: .seconds(1))
            let late = try world.addJoiner(name: "late", code: nodes[0].code)
            world.run(for: .seconds(5))
            let story = late.story
            let report = Comment(rawValue: "\(story)")
            #expect(story.first?.hasPrefix("in with") == true, report)
            #expect(story.last == "\(author) records true", report)
            #expect(late.recordings.count == 1, report)
        }
    }

    @Test("the message is one byte that is 0 or 1, and anything else is refused")
    func recordingMessage() throws {
        for on in [false, true] {
            let bytes = StreamMessage.recording(on).encode()
            #expect(bytes == [0x40, on ? 1 : 0])
            guard case .recording(let read)? = try StreamMessage.decode(bytes.span.bytes) else {
                Issue.record("no recording")
                continue
            }
            #expect(read == on)
        }
        for bytes: [UInt8] in [[0x40], [0x40, 2], [0x40, 1, 0]] {
            #expect(throws: DecodeError.self) { try StreamMessage.decode(bytes.span.bytes) }
        }
    }
}
