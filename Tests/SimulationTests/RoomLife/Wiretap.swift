import VCTestKit

@testable import VCCore

/// Hands some of all sealed packets to everybody that they are not for, members and former ones
/// with all their keys, as they are and addressed to each of them. Nobody must open one.
final class Wiretap {
    /// One in so many packets.
    private static let share = 397

    /// Members, and who was one and kept its keys.
    var ears: [Node] = []
    private var packets: [(bytes: [UInt8], sender: Node)] = []
    private var seen = 0
    /// Packets that were tried.
    private(set) var tried = 0
    /// Who opened a packet that was not for it.
    private(set) var leaks: [String] = []

    func take(_ sealed: ArraySlice<UInt8>, from sender: Node) {
        seen += 1
        if seen % Wiretap.share == 0 { packets.append((Array(sealed), sender)) }
    }

    /// Tries all that was recorded since the last time.
    func listen(now: Instant) {
        for (bytes, sender) in packets {
            for ear in ears where ear !== sender { offer(bytes, of: sender, to: ear, now: now) }
        }
        packets = []
    }

    /// Forgets all that it was shown, and whom it belongs to.
    func stop() {
        packets = []
        ears = []
    }

    private func offer(_ bytes: [UInt8], of sender: Node, to ear: Node, now: Instant) {
        let index = bytes[1..<5].reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
        guard ear.machine.peers.number(listeningTo: index) == nil else { return }
        var attempts = [bytes]
        for number in ear.machine.peers.numbers {
            guard let own = ear.machine.peers[number].slots.currentIndex else { continue }
            var addressed = bytes
            for place in 0..<4 {
                addressed[1 + place] = UInt8(truncatingIfNeeded: own >> UInt32(24 - 8 * place))
            }
            attempts.append(addressed)
        }
        for attempt in attempts {
            tried += 1
            let before = ear.machine.counters.opened
            var packet = attempt
            packet.withUnsafeMutableBytes {
                _ = ear.machine.receive($0, from: sender.endpoint, now: now)
            }
            if ear.machine.counters.opened != before {
                leaks.append("\(ear.label) opened a packet of \(sender.label)")
            }
        }
    }
}

extension SessionSlots {
    /// The index that the current session listens to.
    var currentIndex: UInt32? {
        switch current {
        case .some(let session): session.localIndex
        case .none: nil
        }
    }
}
