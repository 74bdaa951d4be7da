import Testing
import VCCore
import VCTestKit

@testable import VCSignaling

@Suite struct RelayWatchTests {
    /// Relays that answer, or do not, and a watch, in virtual time.
    private struct Fleet {
        var watch = RelayWatch()
        var random = SplitMix64(seed: 1)
        var now = Instant.zero + .seconds(100)
        var silent: Set<Endpoint> = []
        var draining: Set<Endpoint> = []
        var questions: [(time: Instant, relay: Endpoint)] = []
        var changes: [RelayStanding] = []

        mutating func use(_ relays: [NamedRelay]) {
            watch.watch(relays, random: &random, now: now)
        }

        mutating func run(for time: Duration) {
            let end = now + time
            while true {
                var relay: Endpoint?
                repeat {
                    let bytes = SignalWorld.written {
                        relay = watch.pollQuestion(into: &$0)
                    }
                    if let relay { answer(bytes, at: relay) }
                } while relay != nil
                while let change = watch.pollChange(now: now) { changes.append(change.standing) }
                guard let next = watch.deadline, next <= end else { break }
                now = max(now, next)
                watch.handleTimeout(now: now)
            }
            now = end
        }

        private mutating func answer(_ question: [UInt8], at relay: Endpoint) {
            questions.append((now, relay))
            guard !silent.contains(relay),
                let (header, request) = try? RelayRequest.decode(question.span.bytes),
                case .bind = request
            else { return }
            let answer = Fleet.challenge(
                header.transaction, isDraining: draining.contains(relay))
            #expect(answer.count <= question.count)
            let isTaken = give(answer, from: relay)
            #expect(isTaken)
        }

        mutating func give(_ bytes: [UInt8], from source: Endpoint) -> Bool {
            watch.handle(bytes.span.bytes, from: source, now: now)
        }

        static func challenge(_ transaction: UInt64, isDraining: Bool = false) -> [UInt8] {
            SignalWorld.written {
                RelayAnswer.writeChallenge(
                    transaction: transaction,
                    .init(
                        cookie: .zero, observed: Endpoint(ipv4: 1, port: 1), tcpPort: 443,
                        isDraining: isDraining), into: &$0)
            }
        }

        func selection(_ nameplate: UInt32) -> [RelayServer] {
            watch.selection(forRoom: nameplate, now: now)
        }
    }

    private static func relay(_ number: UInt32) -> NamedRelay {
        NamedRelay(name: "relay\(number)", addresses: [address(number)])
    }

    private static func address(_ number: UInt32) -> Endpoint {
        Endpoint(ipv4: 0x0A00_0000 + number, port: 4461)
    }

    @Test("every relay is asked each 5 s; one that answers is told with its TCP port")
    func questions() {
        var fleet = Fleet()
        fleet.use([Self.relay(1), Self.relay(2)])
        #expect(fleet.selection(7).isEmpty)
        fleet.run(for: .seconds(14))
        #expect(fleet.questions.count == 6)
        #expect(Set(fleet.selection(7).map(\.endpoint)) == [Self.address(1), Self.address(2)])
        #expect(fleet.selection(7).allSatisfy { $0.tcpPort == 443 })
        #expect(fleet.changes == [.answers, .answers])
    }

    @Test("a relay that is silent for 15 s, or drains, is not told; it comes back")
    func standing() {
        var fleet = Fleet()
        fleet.use([Self.relay(1)])
        fleet.run(for: .seconds(1))
        fleet.silent = [Self.address(1)]
        fleet.run(for: .milliseconds(13_999))
        #expect(fleet.selection(7).count == 1)
        fleet.run(for: .milliseconds(1))
        #expect(fleet.selection(7).isEmpty)
        fleet.run(for: .seconds(60))
        fleet.silent = []
        fleet.draining = [Self.address(1)]
        fleet.run(for: .seconds(5))
        #expect(fleet.selection(7).isEmpty)
        fleet.draining = []
        fleet.run(for: .seconds(5))
        #expect(fleet.selection(7).count == 1)
        #expect(fleet.changes == [.answers, .silent, .draining, .answers])
    }

    @Test("the operator hears of a relay that never answered")
    func neverThere() {
        var fleet = Fleet()
        fleet.silent = [Self.address(1)]
        fleet.use([Self.relay(1)])
        fleet.run(for: .seconds(14))
        #expect(fleet.changes.isEmpty)
        fleet.run(for: .seconds(60))
        #expect(fleet.changes == [.silent])
    }

    @Test("only the answer to our question, from where it went, counts")
    func forged() {
        var fleet = Fleet()
        fleet.silent = [Self.address(1)]
        fleet.use([Self.relay(1)])
        fleet.run(for: .seconds(1))
        for transaction in 0..<100 as Range<UInt64> {
            let answer = Fleet.challenge(transaction)
            let isTaken = fleet.give(answer, from: Self.address(1))
            #expect(!isTaken)
        }
        fleet.run(for: .seconds(5))
        fleet.watch.handleTimeout(now: fleet.now + .seconds(5))
        let question = SignalWorld.written { _ = fleet.watch.pollQuestion(into: &$0) }
        let header = try? RelayRequest.decode(question.span.bytes).header
        let right = Fleet.challenge(header?.transaction ?? 0)
        for cut in 0..<right.count {
            let bytes = Array(right[..<cut])
            let isTaken = fleet.give(bytes, from: Self.address(1))
            #expect(!isTaken)
        }
        let fromElsewhere = fleet.give(right, from: Self.address(2))
        let fromThere = fleet.give(right, from: Self.address(1))
        #expect(!fromElsewhere && fromThere)
    }

    @Test("a room is told of four at most, always the same; rooms spread over all of them")
    func selections() {
        var fleet = Fleet()
        fleet.use((1...10).map { Self.relay($0) })
        fleet.run(for: .seconds(1))
        var first: [Endpoint: Int] = [:]
        for nameplate in 1...1_000 as ClosedRange<UInt32> {
            let selection = fleet.selection(nameplate)
            #expect(selection.count == 4 && selection.map(\.number) == [0, 1, 2, 3])
            #expect(selection == fleet.selection(nameplate))
            first[selection[0].endpoint, default: 0] += 1
        }
        #expect(first.count == 10 && first.values.allSatisfy { (60...150).contains($0) })
        // One relay less moves only the rooms that had it; the order of the names does not matter.
        let before = (1...100).map { fleet.selection($0) }
        fleet.use((1...9).reversed().map { Self.relay($0) })
        for (index, old) in before.enumerated() {
            let new = fleet.selection(UInt32(index + 1))
            let kept = old.map(\.endpoint).filter { $0 != Self.address(10) }
            #expect(Array(new.map(\.endpoint).prefix(kept.count)) == kept)
        }
    }

    @Test("an address in each family is one relay; more addresses behind a name are several")
    func families() {
        let second = Endpoint(high: 0x2001_0DB8_0000_0000, low: 1, port: 4461)
        var fleet = Fleet()
        fleet.use([NamedRelay(name: "a", addresses: [second, Self.address(1)])])
        fleet.run(for: .seconds(1))
        #expect(fleet.selection(7).map(\.endpoint) == [Self.address(1), second])
        #expect(fleet.selection(7).map(\.number) == [0, 0])
        fleet.use([NamedRelay(name: "a", addresses: (1...6).map { Self.address($0) })])
        fleet.run(for: .seconds(1))
        #expect(fleet.selection(7).map(\.number) == [0, 1, 2, 3])
        // Four relays with both families fit into one answer.
        fleet.use(
            (1...9).map { number in
                NamedRelay(
                    name: "\(number)",
                    addresses: [Self.address(number), second.with(port: UInt16(number))])
            })
        fleet.run(for: .seconds(1))
        #expect(fleet.selection(7).map(\.number) == [0, 0, 1, 1, 2, 2, 3, 3])
        let answer = SignalWorld.written {
            SignalAnswer.writeRelays(transaction: 1, fleet.selection(7), into: &$0)
        }
        let question = SignalWorld.written {
            SignalRequest.writeRelays(transaction: 1, cookie: .zero, nameplate: 7, into: &$0)
        }
        #expect(answer.count <= question.count)
    }

    @Test("all members of a room hear of the same relays in the same order, through the service")
    func throughTheService() throws {
        let world = SignalWorld()
        let relays = (1...6).map { Self.relay($0) }
        world.service.watch(relays, random: &world.random, now: world.now)
        while let question = world.transmitService() {
            let header = try RelayRequest.decode(question.bytes.span.bytes).header
            let answer = Fleet.challenge(header.transaction)
            let isTaken = world.service.handle(
                answer.span.bytes, from: question.destination, onSecondPort: false, now: world.now)
            #expect(isTaken)
        }
        let host = world.host(1)
        world.run(for: .seconds(1))
        let joiners = (1...3).map { world.joiner(1, at: 0x0B00_0000 + $0) }
        world.run(for: .seconds(1))
        func told(_ client: SignalWorld.Client) -> [RelayServer]? {
            for case .relays(let relays) in client.events { return relays }
            return nil
        }
        let list = try #require(told(host))
        #expect(list.count == 4)
        #expect(joiners.allSatisfy { told($0) == list })
        // Datagrams of the relays' protocol from anybody else change nothing.
        let stray = Fleet.challenge(1)
        let isTaken = world.service.handle(
            stray.span.bytes, from: Endpoint(ipv4: 5, port: 5), onSecondPort: false,
            now: world.now)
        #expect(!isTaken)
    }
}
