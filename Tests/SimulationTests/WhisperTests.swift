import Testing
import VCTestKit

@testable import VCCore

extension Node {
    var number: UInt8 { machine.memberNumber ?? 0 }

    /// Whispered chat it got: the text, and whom it was for.
    var whispers: [(text: String, to: [UInt8])] {
        events.compactMap {
            if case .whisper(_, let text, _, let to) = $0 { (text.text, to) } else { nil }
        }
    }

    func warnings(_ wanted: RoomWarning) -> Int {
        events.count { $0 == .warning(wanted) }
    }

    /// How many voice frames of a member arrived.
    func received(of member: UInt8) -> UInt32 { tallies[member]?.received ?? 0 }
}

/// Talking to some.
extension RoomTests {
    @Test("a whisper reaches those it is for, and the others get nothing: no voice, no chat")
    func whisper() throws {
        try room(of: 5, seed: 21) { world, nodes in
            let author = nodes[0].number
            let numbers = nodes.map(\.number)
            let chosen = [numbers[1], numbers[3]]
            nodes[0].machine.whisper(to: chosen, now: world.now)
            nodes[0].isTalking = true
            let id = nodes[0].machine.sendChat(DisplayText(message: "psst"), now: world.now)
            #expect(id != nil)
            world.run(for: .seconds(2))
            for index in [1, 3] {
                #expect(nodes[index].received(of: author) >= 198)
                #expect(nodes[index].whispers.map(\.text) == ["psst"])
                #expect(nodes[index].whispers.map(\.to) == [chosen.sorted()])
            }
            for index in [2, 4] {
                #expect(nodes[index].received(of: author) == 0)
                #expect(nodes[index].whispers.isEmpty && nodes[index].chats.isEmpty)
                let connection = nodes[0].machine.connection(of: numbers[index])
                #expect(connection?.voiceFramesSent == 0)
                #expect(connection?.isLost == false, "keepalives go on")
            }
            #expect(nodes[0].deliveries == 2)
            let told = nodes[0].events.contains(.whispering(isOn: true, to: chosen.sorted()))
            #expect(told)
            nodes[0].machine.whisper(to: [], now: world.now)
            _ = nodes[0].machine.sendChat(DisplayText(message: "aloud"), now: world.now)
            world.run(for: .seconds(1))
            for node in nodes[1...] { #expect(node.chats == ["aloud"]) }
            #expect(nodes[2].received(of: author) >= 98)
        }
    }

    @Test("who was left out sees no hole and no count of what was whispered")
    func noTrace() throws {
        try room(of: 3, seed: 22) { world, nodes in
            let author = nodes[0].number
            let target = nodes[1].number
            nodes[0].isTalking = true
            world.run(for: .seconds(1))
            let before = nodes[2].heard.last { $0.member == author }?.sequence
            for _ in 0..<3 {
                nodes[0].machine.whisper(to: [target], now: world.now)
                world.run(for: .milliseconds(700))
                nodes[0].machine.whisper(to: [], now: world.now)
                world.run(for: .milliseconds(300))
            }
            let after = nodes[2].heard.last { $0.member == author }?.sequence
            let count = Int((after ?? 0) &- (before ?? 0))
            #expect(count >= 85 && count <= 95, "three times 300 ms, not \(count)")
            #expect(nodes[2].tallies[author]?.lost == 0)
            #expect(nodes[1].tallies[author]?.lost == 0)
        }
    }

    @Test("a frame tells its receiver that it is a whisper, and the first one after it begins anew")
    func marks() throws {
        try room(of: 3, seed: 23) { world, nodes in
            let numbers = nodes.map(\.number)
            func flags(to index: Int, _ sequence: UInt16) -> UInt8? {
                let header = VoiceHeader(
                    flags: 0, sequence: sequence, timestamp: 0, level: 30)
                var packet = [UInt8](repeating: 0, count: Limits.datagram)
                let now = world.now
                let source = nodes[0].endpoint
                return packet.withUnsafeMutableBytes { packet in
                    let frame: [UInt8] = [1, 2, 3]
                    let size = frame.withUnsafeBytes {
                        nodes[0].machine.sealVoice(
                            header, $0, for: numbers[index], into: packet, now: now)?.size
                    }
                    guard let size else { return nil }
                    let datagram = UnsafeMutableRawBufferPointer(rebasing: packet[..<size])
                    return nodes[index].machine.receive(datagram, from: source, now: now)?
                        .header.flags
                }
            }
            #expect(flags(to: 1, 1) == 0 && flags(to: 2, 1) == 0)
            nodes[0].machine.whisper(to: [numbers[1]], now: world.now)
            #expect(flags(to: 1, 2) == VoiceHeader.whisper)
            #expect(flags(to: 2, 2) == nil)
            nodes[0].machine.whisper(to: [], now: world.now)
            #expect(flags(to: 1, 3) == 0)
            #expect(flags(to: 2, 3) == VoiceHeader.startOfTalkSpurt)
            #expect(flags(to: 2, 4) == 0)
        }
    }

    @Test("when nobody is left to whisper to, nobody hears: not a newcomer, and never everybody")
    func nobodyLeft() throws {
        try room(of: 3, seed: 24) { world, nodes in
            let author = nodes[0].number
            let target = nodes[1].number
            nodes[0].isTalking = true
            nodes[0].machine.whisper(to: [target], now: world.now)
            world.run(for: .seconds(1))
            nodes[1].machine.leave(now: world.now)
            world.run(for: .seconds(1))
            #expect(nodes[0].warnings(.whisperToNobody) == 1)
            #expect(nodes[0].events.contains(.whispering(isOn: true, to: [])))
            let newcomer = try world.addJoiner(name: "new", code: nodes[0].code)
            #expect(world.run(for: .seconds(5)) { newcomer.isWithAll(3) })
            world.run(for: .seconds(1))
            #expect(newcomer.received(of: author) == 0)
            #expect(nodes[2].received(of: author) == 0)
            let id = nodes[0].machine.sendChat(DisplayText(message: "hello?"), now: world.now)
            #expect(id == nil)
            nodes[0].machine.whisper(to: [], now: world.now)
            world.run(for: .seconds(1))
            #expect(newcomer.received(of: author) >= 98 && nodes[2].received(of: author) >= 98)
        }
    }

    @Test("to whisper to members that are not there changes nothing, and is told")
    func strangers() throws {
        try room(of: 2, seed: 25) { world, nodes in
            nodes[0].machine.whisper(to: [9], now: world.now)
            world.run(for: .milliseconds(10))
            #expect(nodes[0].warnings(.whisperToNobody) == 1)
            #expect(nodes[0].machine.whisperListeners == nil)
        }
    }

    @Test("what is pasted goes out 20 messages a second; who sends more is not shown")
    func flood() throws {
        try room(of: 2, seed: 26) { world, nodes in
            let other = Int(nodes[1].number)
            var taken = 0
            for number in 0..<30 {
                let id = nodes[0].machine.sendChat(
                    DisplayText(message: "\(number)"), now: world.now)
                if id != nil { taken += 1 }
            }
            #expect(taken == 30, "nothing that was typed is lost")
            world.run(for: .milliseconds(200))
            #expect(nodes[1].chats.count <= 20 + 4, "no more than 20 a second")
            world.run(for: .milliseconds(800))
            #expect(nodes[1].chats == (0..<30).map(String.init))
            // A program that does not hold back.
            for number in 0..<1_000 {
                let text = Array("flood \(number)".utf8)
                nodes[0].machine.send(
                    .chat(id: UInt64(100 + number), text: text), to: other, now: world.now)
            }
            world.run(for: .seconds(4))
            let shown = nodes[1].chats.count - 30
            #expect(shown <= 7 * 20 + 4 * 20 + 20, "\(shown)")
            #expect(nodes[1].machine.counters.flooded >= 700)
            #expect(nodes[1].events.count { isFlood($0) } == 1)
            world.run(for: .seconds(2))
            _ = nodes[0].machine.sendChat(DisplayText(message: "sorry"), now: world.now)
            world.run(for: .seconds(1))
            #expect(nodes[1].chats.last == "sorry")
        }
    }

    private func isFlood(_ event: RoomEvent) -> Bool {
        if case .warning(.chatFlood) = event { true } else { false }
    }

    @Test("all that was written during an outage of 50 s arrives, at the full rate of writing")
    func backlog() throws {
        try room(of: 2, seed: 27) { world, nodes in
            world.network.setUp(false, nodes[1].host)
            var sent: [String] = []
            for number in 0..<1_000 {
                let text = "line \(number)"
                if nodes[0].machine.sendChat(DisplayText(message: text), now: world.now) != nil {
                    sent.append(text)
                }
                world.run(for: .milliseconds(50))
            }
            world.network.setUp(true, nodes[1].host)
            world.run(for: .seconds(20))
            #expect(sent.count == 1_000)
            #expect(nodes[1].chats == sent)
            #expect(nodes[1].machine.counters.flooded == 0)
        }
    }

    @Test("fifteen silent members wake each other a few times a second, not for each one apart")
    func quietRoom() throws {
        try room(of: 16, seed: 28) { world, nodes in
            world.run(for: .seconds(20))
            let before = nodes.map(\.wakeups)
            world.run(for: .seconds(10))
            for (node, count) in zip(nodes, before) {
                // Five a second for keepalives; pings, checks and keys come to that. Each apart
                // they would be 750.
                #expect(node.wakeups - count <= 400, "\(node.wakeups - count) in ten seconds")
            }
        }
    }
}
