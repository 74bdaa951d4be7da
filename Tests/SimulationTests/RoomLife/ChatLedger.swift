import VCTestKit

@testable import VCCore

/// Who said what to whom, and what must have become of it.
struct ChatLedger {
    /// One message.
    private struct Message {
        let text: String
        let author: PublicKey
        let authorLabel: String
        /// Who was a member then, as its author knew.
        let audience: Set<PublicKey>
    }

    private var messages: [Message] = []
    /// Who heard nothing of whom for a minute: then each was out of the other's room, and what
    /// waited for it is undelivered.
    private var apart: Set<[PublicKey]> = []
    /// When one last heard of another one, or both were there first.
    private var contact: [[PublicKey]: Instant] = [:]

    var count: Int { messages.count }

    /// Somebody says something to everybody who is there.
    mutating func say(_ node: Node, now: Instant) {
        let text = "message \(messages.count):" + String(repeating: "é", count: messages.count % 90)
        var audience: Set<PublicKey> = []
        for number in node.machine.peers.numbers where node.machine.peers[number].isMember {
            audience.insert(node.machine.peers[number].key)
        }
        guard node.machine.sendChat(DisplayText(message: text), now: now) != nil else { return }
        messages.append(
            Message(
                text: text, author: node.key, authorLabel: node.label, audience: audience))
    }

    /// Looks who is out of whose reach.
    mutating func note(_ nodes: [Node], now: Instant) {
        for node in nodes where node.end == nil {
            for number in node.machine.peers.numbers where node.machine.peers[number].hasMet {
                let peer = node.machine.peers[number].key
                let heard = node.machine.peers[number].lastHeard
                contact[[node.key, peer]] = max(contact[[node.key, peer]] ?? heard, heard)
            }
            for other in nodes where other !== node && other.end == nil {
                let last = contact[[node.key, other.key], default: now]
                contact[[node.key, other.key]] = last
                guard now - last >= Peer.removedAfter else { continue }
                apart.insert([node.key, other.key])
                apart.insert([other.key, node.key])
            }
        }
    }

    /// What a member should have heard of those who are still there, in each author's order, and
    /// did not; nil when all is well.
    func complaint(of node: Node, present: Set<PublicKey>) -> String? {
        let heard = node.chats
        guard Set(heard).count == heard.count else { return "heard something twice" }
        let order = Dictionary(uniqueKeysWithValues: zip(heard, heard.indices))
        var last: [PublicKey: Int] = [:]
        var missing: [String] = []
        var expected = 0
        for message in messages {
            guard let place = order[message.text] else {
                // Of who left before it could deliver, the end may be missing.
                if message.audience.contains(node.key), present.contains(message.author),
                    !apart.contains([node.key, message.author])
                {
                    missing.append("\(message.text.prefix(12)) of \(message.authorLabel)")
                }
                continue
            }
            expected += 1
            guard message.audience.contains(node.key) else { return "heard what was not for it" }
            guard place >= last[message.author, default: 0] else { return "heard out of order" }
            last[message.author] = place
        }
        guard expected == heard.count else { return "heard what nobody said" }
        return missing.isEmpty ? nil : "did not hear \(missing.count): \(missing.prefix(3))"
    }
}
