/// Members that a roster does not name any more, though nobody said that they went: a new host may
/// not have heard of them yet. They are kept as they were, since for them nothing changed: should
/// the host come to know them, both sides go on with the keys and the stream of before.
struct PeerShelf: ~Copyable {
    /// As long as a silent member stays in a room.
    static let patience = Peer.removedAfter
    /// As many as a room has: a host that names ever new ones fills neither memory nor arena.
    static let capacity = Limits.members

    private final class Place {
        let key: PublicKey
        let hasMet: Bool
        let end: Instant
        var peer: Peer?

        init(_ peer: consuming Peer, until end: Instant) {
            key = peer.key
            hasMet = peer.hasMet
            self.end = end
            self.peer = consume peer
        }
    }

    /// Oldest first.
    private var places: [Place] = []

    /// When `takeExpired` has something to give.
    var timeout: Instant { places.first?.end ?? .distantFuture }

    /// Keeps a member. Returns the one that has to go for it where there is no place left: one that
    /// was never met, who has nothing to go on with, before the oldest.
    mutating func put(_ peer: consuming Peer, now: Instant) -> Peer? {
        var left: Peer?
        if places.count >= PeerShelf.capacity {
            let index = places.firstIndex { !$0.hasMet } ?? 0
            left = places.remove(at: index).peer.take()
        }
        places.append(Place(peer, until: now + PeerShelf.patience))
        return left
    }

    /// The member with this key.
    mutating func take(_ key: PublicKey) -> Peer? {
        guard let index = places.firstIndex(where: { $0.key == key }) else { return nil }
        return places.remove(at: index).peer.take()
    }

    /// A member that was waited for long enough, or with `all` any.
    mutating func takeExpired(now: Instant, all: Bool = false) -> Peer? {
        guard let first = places.first, all || now >= first.end else { return nil }
        return places.removeFirst().peer.take()
    }
}
