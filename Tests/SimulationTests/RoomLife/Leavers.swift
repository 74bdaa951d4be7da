import VCTestKit

@testable import VCCore

/// Those who leave: at once, or as soon as they hear something, before they do anything about it.
final class Leavers {
    /// A goodbye takes half a second at most.
    private static let patience = Duration.milliseconds(600)

    private var told: [(node: Node, since: Instant?)] = []
    /// Somebody who did not get out.
    private(set) var stuck: String?

    func add(_ node: Node, now: Instant, atOnce: Bool) {
        guard !told.contains(where: { $0.node === node }) else { return }
        if atOnce { node.machine.leave(now: now) }
        told.append((node, atOnce ? now : nil))
    }

    /// A datagram came to a member.
    func note(_ reached: Node, now: Instant) {
        for (index, leaver) in told.enumerated()
        where leaver.node === reached && leaver.since == nil {
            reached.machine.leave(now: now)
            told[index].since = now
        }
    }

    /// It cannot leave any more.
    func forget(_ node: Node) {
        told.removeAll { $0.node === node }
    }

    func check(now: Instant) {
        for (node, since) in told where node.end == nil {
            if let since, now >= since + Self.patience { stuck = "\(node.label) could not leave" }
        }
        told.removeAll { $0.node.end != nil }
    }
}
