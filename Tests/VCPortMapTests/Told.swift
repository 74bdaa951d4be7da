import Glibc
import Synchronization
import VCCore
import VCNet
import VCPortMap
import VCTestKit

/// What a mapper told, in order.
final class Told: Sendable {
    private let list = Mutex<[PortMapping?]>([])

    func note(_ mapping: PortMapping?) { list.withLock { $0.append(mapping) } }
    var all: [PortMapping?] { list.withLock { $0 } }
}

/// Waits until `condition` holds; false after `testPatience`.
func eventually(_ condition: () -> Bool) -> Bool {
    let deadline = MonotonicClock.now + testPatience
    while !condition() {
        guard MonotonicClock.now < deadline else { return false }
        usleep(5_000)
    }
    return true
}
