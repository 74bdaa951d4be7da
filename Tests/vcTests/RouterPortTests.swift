import Synchronization
import Testing
import VCCore
import VCPortMap

@testable import vc

/// The mappers that were begun, which say what a test has them say.
private final class Mappers {
    private(set) var ports: [UInt16] = []
    private(set) var voices: [@Sendable (PortMapping?) -> Void] = []
    var stopped = 0
    var released = 0

    func begin(
        _ port: UInt16, _ onChange: @escaping @Sendable (PortMapping?) -> Void
    ) -> any PortKeeper {
        ports.append(port)
        voices.append(onChange)
        return SilentMapper(self)
    }
}

private final class SilentMapper: PortKeeper {
    private let mappers: Mappers

    init(_ mappers: Mappers) { self.mappers = mappers }

    func mappingFailed() {}
    func networkChanged() {}
    func stop() { mappers.stopped += 1 }

    deinit { mappers.released += 1 }
}

/// What the room was told, in order.
private final class Told: Sendable {
    private let list = Mutex<[Endpoint?]>([])

    func note(_ external: Endpoint?) { list.withLock { $0.append(external) } }
    var all: [Endpoint?] { list.withLock { $0 } }
}

@Suite("Our port on the router")
struct RouterPortTests {
    private func mapping(_ external: Endpoint) -> PortMapping {
        PortMapping(external: external, method: .upnp, lifetime: nil)
    }

    @Test("is withdrawn when our port is another one, and its mapper let go, not waited for")
    func otherPort() {
        let told = Told()
        let mappers = Mappers()
        let router = RouterPort(port: 1_000) { port, onChange in
            mappers.begin(port, onChange)
        } tell: {
            told.note($0)
        }
        let first = Endpoint(ipv4: 0xCB00_7109, port: 1_000)
        let second = Endpoint(ipv4: 0xCB00_7109, port: 2_000)
        mappers.voices[0](mapping(first))
        router.networkChanged(port: 1_000)
        #expect(router.external == first)
        #expect(mappers.ports == [1_000])

        router.networkChanged(port: 2_000)
        #expect(router.external == nil)
        #expect(told.all == [first, nil])
        #expect(mappers.ports == [1_000, 2_000])
        #expect(mappers.released == 1 && mappers.stopped == 0)

        // The old one was about to say something.
        mappers.voices[0](mapping(first))
        #expect(router.external == nil)
        mappers.voices[1](mapping(second))
        #expect(router.external == second)
        #expect(told.all == [first, nil, second])
        router.stop()
        #expect(mappers.stopped == 1)
    }
}
