import Testing
import VCTestKit

@testable import VCCore

@Suite("Joining a room in the local network")
struct DiscoveryTests {
    let arena: SecretArena

    init() throws {
        arena = try #require(SecretArena(slotCount: 32_768))
    }

    /// A world in which so many hosts have a server each, all of them with a room of the same
    /// number; the first server is the usual one.
    private func world(hosts: Int, seed: UInt64 = 1) -> (world: World, hosts: [Node]) {
        var world = World(seed: seed, link: PairTests.good, arena: arena)
        var nodes: [Node] = []
        for number in 0..<hosts {
            var server = World.server
            if number > 0 {
                server = Endpoint(ipv4: 0xC633_6410 + UInt32(number), port: SignalProcess.port)
                let process = SignalProcess(
                    seed: seed &+ UInt64(number), key: World.signingKey(in: arena), relays: [],
                    arena: arena, now: world.now)
                _ = world.addServer(process, at: server, tcpPorts: [])
            }
            nodes.append(world.addHost(name: "host\(number)", servers: [server]))
            world.neighbours.append(Neighbour(at: server, nameplates: [1]))
        }
        let all = nodes
        #expect(world.run(for: .seconds(5)) { all.allSatisfy { !$0.code.isEmpty } })
        return (world, nodes)
    }

    /// The usual server knows nobody any more, and its host is gone.
    private func leaveUsualServer(_ world: inout World, _ host: Node) {
        world.neighbours.removeFirst()
        world.startSignalAnew()
        world.stop(host)
    }

    /// The servers at which a joiner tried the code, in order.
    private func tried(_ joiner: Node) -> [Endpoint] {
        joiner.events.compactMap {
            if case .searching(_, let host) = $0 { host } else { nil }
        }
    }

    private func guesses(at host: Node) -> Int {
        host.events.reduce(0) { sum, event in
            if case .guess(let failed, _) = event { max(sum, failed) } else { sum }
        }
    }

    @Test("without any server the room is found, and there is a path to its host")
    func found() throws {
        var (world, hosts) = world(hosts: 1)
        let start = world.now
        let joiner = try world.addJoiner(code: hosts[0].code, servers: [], searches: true)
        #expect(world.run(for: .seconds(5)) { joiner.company != nil && joiner.hasPath })
        #expect(try #require(joiner.company) - start < .milliseconds(600))
        #expect(tried(joiner) == [World.server])
        #expect(joiner.events.first == .searching(nameplate: 1, at: nil))
        let isSearching = joiner.machine.isSearching
        #expect(!isSearching)
    }

    @Test("where nobody has the room the search ends after 1.2 s and says so")
    func nobody() throws {
        var (world, hosts) = world(hosts: 1)
        world.neighbours = [Neighbour(at: World.server, nameplates: [2])]
        let start = world.now
        let joiner = try world.addJoiner(code: hosts[0].code, servers: [], searches: true)
        #expect(world.run(for: .seconds(5)) { joiner.end != nil })
        #expect(joiner.end == .notInNetwork)
        #expect(world.now - start >= DiscoverySearch.patience)
        #expect(world.now - start < .milliseconds(1_300))
        #expect(world.neighbours[0].questions.count == 4)
    }

    @Test("a host is found among strangers with a room of the same number")
    func strangers() throws {
        var (world, hosts) = world(hosts: 3)
        let joiner = try world.addJoiner(code: hosts[2].code, servers: [], searches: true)
        #expect(world.run(for: .seconds(10)) { joiner.company != nil || joiner.end != nil })
        #expect(
            joiner.end == nil && joiner.hasPath || world.run(for: .seconds(5)) { joiner.hasPath })
        #expect(tried(joiner) == world.neighbours.map(\.server))
        #expect(hosts.map { guesses(at: $0) } == [1, 1, 0])
    }

    @Test(
        "three places get one guess each, and no other one does", arguments: seeds(40, reduced: 8))
    func guesses(seed: UInt64) throws {
        var (world, hosts) = world(hosts: 5, seed: seed)
        let joiner = try world.addJoiner(code: hosts[4].code, servers: [], searches: true)
        #expect(world.run(for: .seconds(60)) { joiner.end != nil })
        #expect(joiner.end == .refused(.refused))
        world.run(for: .seconds(10))
        #expect(hosts.map { guesses(at: $0) } == [1, 1, 1, 0, 0])
    }

    @Test("a configured server that has no such room is one of the three places")
    func configuredFirst() throws {
        var (world, hosts) = world(hosts: 5)
        leaveUsualServer(&world, hosts[0])
        let joiner = try world.addJoiner(code: hosts[4].code, searches: true)
        #expect(world.run(for: .seconds(60)) { joiner.end != nil })
        #expect(joiner.end == .refused(.refused))
        #expect(tried(joiner).count == 2)
        #expect(hosts.map { guesses(at: $0) } == [0, 1, 1, 0, 0])
    }

    @Test("a room that the configured server does not have is found in the local network")
    func elsewhere() throws {
        var (world, hosts) = world(hosts: 2)
        leaveUsualServer(&world, hosts[0])
        let joiner = try world.addJoiner(code: hosts[1].code, searches: true)
        #expect(world.run(for: .seconds(5)) { joiner.company != nil && joiner.hasPath })
    }

    @Test("nothing that a server said counts any more when it is left")
    func left() throws {
        var (world, hosts) = world(hosts: 2)
        leaveUsualServer(&world, hosts[0])
        let joiner = try world.addJoiner(code: hosts[1].code, searches: true)
        let isSeen = world.run(for: .seconds(5)) { joiner.machine.observed != nil }
        #expect(isSeen)
        let isSearching = world.run(for: .seconds(5)) { joiner.machine.isSearching }
        #expect(isSearching)
        let observed = joiner.machine.observed
        #expect(observed == nil)
    }

    @Test("so it is where the configured server does not answer")
    func unreachable() throws {
        var (world, hosts) = world(hosts: 2)
        world.neighbours.removeFirst()
        world.serverIsUp = false
        let start = world.now
        let joiner = try world.addJoiner(code: hosts[1].code, searches: true)
        #expect(world.run(for: .seconds(10)) { joiner.company != nil && joiner.hasPath })
        #expect(world.now - start < .seconds(6))
    }

    @Test("nobody is asked while the configured server has the room, nor where the code names one")
    func notNeeded() throws {
        var (world, hosts) = world(hosts: 1)
        let joiner = try world.addJoiner(code: hosts[0].code, searches: true)
        #expect(world.run(for: .seconds(5)) { joiner.company != nil })
        joiner.machine.leave(now: world.now)
        var wrong = hosts[0].code
        wrong.replaceSubrange(0..<1, with: [UInt8(ascii: "9")])
        let other = try world.addJoiner(code: wrong)
        #expect(world.run(for: .seconds(5)) { other.end == .noSuchRoom })
        #expect(world.neighbours[0].questions.isEmpty)
    }

    @Test("a code that the configured server's host refuses is refused, and tried nowhere else")
    func refusedThere() throws {
        var (world, hosts) = world(hosts: 2)
        let joiner = try world.addJoiner(code: hosts[1].code, searches: true)
        #expect(world.run(for: .seconds(10)) { joiner.end != nil })
        #expect(joiner.end == .refused(.refused))
        #expect(world.neighbours.count { !$0.questions.isEmpty } == 0)
    }

    @Test("who has guessed more than once at the configured server is not led elsewhere")
    func secondGuess() throws {
        var guessedTwice = 0
        // The host vanishes at each moment of the join; three seconds later it is tried again.
        for moment in stride(from: 5, through: 120, by: 5) {
            var (world, hosts) = world(hosts: 2, seed: UInt64(moment))
            let joiner = try world.addJoiner(code: hosts[0].code, searches: true)
            world.run(for: .milliseconds(Int64(moment)))
            guard joiner.company == nil else { break }
            world.stop(hosts[0])
            world.run(for: .seconds(5))
            guard joiner.machine.attempt > 1 else { continue }
            guessedTwice += 1
            world.startSignalAnew()
            world.neighbours.removeFirst()
            #expect(world.run(for: .seconds(60)) { joiner.end != nil })
            #expect(joiner.end == .noSuchRoom && world.neighbours[0].questions.isEmpty)
        }
        #expect(guessedTwice > 0)
    }

    @Test("who answers and is no server costs some seconds, and the next one is tried")
    func impostor() throws {
        var (world, hosts) = world(hosts: 1)
        let nowhere = Endpoint(ipv4: 0xC633_64FE, port: 4_460)
        world.neighbours.insert(Neighbour(at: nowhere, nameplates: [1]), at: 0)
        let joiner = try world.addJoiner(code: hosts[0].code, servers: [], searches: true)
        #expect(world.run(for: .seconds(10)) { joiner.company != nil })
        #expect(tried(joiner) == [nowhere, World.server])
    }

    @Test("where the host vanishes after its answer, that is said")
    func vanished() throws {
        var (world, hosts) = world(hosts: 1)
        let code = hosts[0].code
        world.stop(hosts[0])
        let joiner = try world.addJoiner(code: code, servers: [], searches: true)
        #expect(world.run(for: .seconds(20)) { joiner.end != nil })
        #expect(joiner.end == .noAnswer)
    }

    @Test("a joiner that leaves while it searches is gone at once")
    func leaving() throws {
        var (world, hosts) = world(hosts: 1)
        world.neighbours = []
        let joiner = try world.addJoiner(code: hosts[0].code, servers: [], searches: true)
        world.run(for: .milliseconds(200))
        joiner.machine.leave(now: world.now)
        #expect(world.run(for: .milliseconds(600)) { joiner.end == .left })
    }
}
