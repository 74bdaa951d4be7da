import Testing
import VCTestKit

@testable import VCCore

/// What must hold in every room, whatever happens to it.
@Suite struct RoomLifeTests {
    let arena: SecretArena

    /// A life takes a second and a half; in a build that is not optimised half a minute.
    private var reduced: Int {
        #if DEBUG
            1
        #else
            10
        #endif
    }

    init() throws {
        arena = try #require(SecretArena(slotCount: 65_536))
    }

    /// Memory for secrets that a room of `count` takes when nothing is going on.
    private func slots(ofRoomOf count: Int) throws -> Int {
        let arena = try #require(SecretArena(slotCount: 65_536))
        var script = RoomLife.Script()
        script.size = count
        script.actions = 0
        var life = try RoomLife(seed: 1, script: script, arena: arena)
        let problem = try life.live()
        try #require(problem == nil)
        life.world.run(for: .seconds(30))
        return arena.slotsInUse
    }

    @Test(
        """
        sixteen come and go, die and return, while a tenth is lost: all agree, every message is \
        there once and in order, no packet is opened by anybody else, and no memory is kept
        """)
    func wholeLife() throws {
        let rest = try slots(ofRoomOf: 3)
        for seed in seeds(1_000, reduced: reduced) {
            try run(seed: seed, RoomLife.Script(), rest: rest)
        }
        #expect(arena.slotsInUse == 0)
    }

    @Test(
        """
        hosts leave and die, and the network is split for a minute: the same holds for all who are \
        still in the room
        """)
    func changingHosts() throws {
        let rest = try slots(ofRoomOf: 3)
        var script = RoomLife.Script()
        script.changesHost = true
        for seed in seeds(1_000, reduced: reduced) {
            try run(seed: seed, script, rest: rest)
        }
        #expect(arena.slotsInUse == 0)
    }

    private func run(seed: UInt64, _ script: RoomLife.Script, rest: Int) throws {
        var life = try RoomLife(seed: seed, script: script, arena: arena)
        let problem = try life.live()
        #expect(problem == nil, "seed \(seed): \(life.log)")
        #expect(life.tap.tried > 1_000, "seed \(seed): nobody listened")
        let remaining = life.shrink(to: 3)
        #expect(remaining == nil, "seed \(seed): \(life.log)")
        let room = life.present
        // Who fell silent is kept on the shelf once more as long.
        let patience = .seconds(10) + Peer.removedAfter + PeerShelf.patience
        let isBack = life.wait(for: patience) { [arena] in
            arena.slotsInUse <= rest && room.allSatisfy { $0.isAtRest(with: 2) }
        }
        #expect(isBack, "seed \(seed): \(arena.slotsInUse) slots, not \(rest)")
    }
}

extension Node {
    /// Whether nothing waits for any of so many others.
    fileprivate func isAtRest(with count: Int) -> Bool {
        machine.peers.count == count
            && machine.peers.numbers.allSatisfy { machine.peers[$0].stream.isIdle }
    }
}
