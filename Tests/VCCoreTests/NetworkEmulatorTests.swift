import Testing
import VCCore
import VCTestKit

@Suite struct NetworkEmulatorTests {
    private static let one = Endpoint(ipv4: 0x0A00_0001, port: 1)
    private static let other = Endpoint(ipv4: 0x0A00_0002, port: 2)
    private static let rough = NetworkEmulator.Link(
        latency: .milliseconds(20), jitter: .milliseconds(5), loss: 0.2, duplication: 0.1,
        reordering: 0.1)

    private static func run(seed: UInt64, _ link: NetworkEmulator.Link) -> (
        trace: UInt64, arrived: [UInt8], lost: UInt64
    ) {
        var network = NetworkEmulator(seed: seed, link: link)
        var arrived: [UInt8] = []
        for index in 0..<200 {
            let now = Instant.zero + .milliseconds(10 * index)
            network.send([UInt8(index)], from: one, to: other, now: now)
        }
        while let time = network.nextDelivery, let delivery = network.popDelivery(now: time) {
            arrived.append(delivery.bytes[0])
        }
        return (network.trace, arrived, network.lost)
    }

    @Test("the same seed gives the same trace, another seed another one")
    func determinism() {
        #expect(Self.run(seed: 1, Self.rough).trace == Self.run(seed: 1, Self.rough).trace)
        #expect(Self.run(seed: 1, Self.rough).trace != Self.run(seed: 2, Self.rough).trace)
    }

    @Test("a whole link delivers everything once and in order, a rough one does all it should")
    func effects() {
        let whole = Self.run(
            seed: 3, .init(latency: .milliseconds(20), jitter: .milliseconds(40)))
        #expect(whole.arrived == Array(0..<200))
        let rough = Self.run(seed: 3, Self.rough)
        #expect(rough.lost > 20 && rough.lost < 60)
        #expect(rough.arrived.count > 200 - Int(rough.lost))
        #expect(rough.arrived != rough.arrived.sorted())
    }

    @Test("nothing arrives early, across a partition or in a blackout")
    func holes() {
        var network = NetworkEmulator(seed: 1, link: .init(latency: .milliseconds(5)))
        network.send([1], from: Self.one, to: Self.other, now: .zero)
        #expect(network.popDelivery(now: .zero + .milliseconds(4)) == nil)
        #expect(network.popDelivery(now: .zero + .milliseconds(5)) != nil)
        network.setPartitioned(true, Self.one, Self.other)
        network.send([2], from: Self.other, to: Self.one, now: .zero)
        network.setPartitioned(false, Self.one, Self.other)
        network.addBlackout(
            from: .zero, until: .zero + .seconds(1), between: (Self.one, Self.other))
        network.send([3], from: Self.other, to: Self.one, now: .zero + .milliseconds(999))
        #expect(network.nextDelivery == nil)
        network.send([4], from: Self.other, to: Self.one, now: .zero + .seconds(1))
        #expect(network.popDelivery(now: .zero + .seconds(2))?.bytes == [4])
    }

    @Test("each direction has its own link")
    func directions() {
        var network = NetworkEmulator(seed: 1)
        network.setLink(.init(latency: .milliseconds(50)), from: Self.one, to: Self.other)
        network.send([1], from: Self.one, to: Self.other, now: .zero)
        network.send([2], from: Self.other, to: Self.one, now: .zero)
        #expect(network.popDelivery(now: .zero + .milliseconds(49))?.bytes == [2])
        #expect(network.popDelivery(now: .zero + .milliseconds(50))?.bytes == [1])
    }
}
