internal import Glibc
internal import VCCore

/// How connections come and go.
extension StreamTable {
    mutating func accept(
        from listener: StreamListener, poller: borrowing Poller, now: Instant
    ) {
        for _ in 0..<Self.acceptsPerTurn {
            switch listener.accept() {
            case .nothing: return
            case .lost: counters.refused += 1
            case .connection(let descriptor, let remote):
                // Two clients behind one NAT may have one address and port, if they came to two of
                // our listeners: the first keeps it.
                guard hasRoom(for: remote), placeOf[remote] == nil else {
                    counters.refused += 1
                    continue
                }
                let connection = StreamConnection(
                    descriptor, remote: remote, state: .open, now: now)
                guard insert(connection, poller: poller, now: now) else { continue }
                counters.accepted += 1
                opened.append(remote)
            }
        }
    }

    /// A socket on its way to `remote`; nil when the kernel knows already that there is none.
    static func beginConnecting(to remote: Endpoint) -> FileDescriptor? {
        let family = remote.ipv4 == nil ? AF_INET6 : AF_INET
        guard let descriptor = try? InternetSocket.make(.stream, family: family) else {
            return nil
        }
        let number = descriptor.number
        do throws(SystemError) {
            _ = try unsafe remote.withSocketAddress(family: family) {
                pointer, size throws(SystemError) in
                try attempt("connect") { unsafe Glibc.connect(number, pointer, size) }
            }
        } catch {
            guard error.code == EINPROGRESS else { return nil }
        }
        return descriptor
    }

    func hasRoom(for remote: Endpoint) -> Bool {
        !freePlaces.isEmpty
            && perSource[SourcePrefix(source: remote), default: 0] < limits.perSource
    }

    func connection(to remote: Endpoint) -> StreamConnection? {
        placeOf[remote].flatMap { places[$0] }
    }

    mutating func insert(
        _ connection: StreamConnection, poller: borrowing Poller, now: Instant
    ) -> Bool {
        guard let place = freePlaces.popLast() else { return false }
        do throws(SystemError) {
            try poller.add(
                connection.descriptorNumber, token: tokens.lowerBound + UInt64(place),
                write: connection.isWatchedForWriting)
        } catch {
            freePlaces.append(place)
            counters.refused += 1
            return false
        }
        places[place] = connection
        placeOf[connection.remote] = place
        perSource[SourcePrefix(source: connection.remote), default: 0] += 1
        nextTimeout = min(nextTimeout, now + Self.sweepInterval)
        return true
    }

    /// Closing the descriptor takes it out of the poller.
    mutating func close(_ place: Int, _ reason: StreamCloseReason) {
        guard let connection = places[place], placeOf[connection.remote] == place else { return }
        connection.close(reason)
        placeOf[connection.remote] = nil
        let source = SourcePrefix(source: connection.remote)
        if let count = perSource[source] { perSource[source] = count > 1 ? count - 1 : nil }
        closedPlaces.append(place)
    }

    /// Has the poller watch for writing while something waits.
    func watch(_ place: Int, _ connection: StreamConnection, _ poller: borrowing Poller) {
        let wants = connection.wantsToWrite
        guard wants != connection.isWatchedForWriting else { return }
        do throws(SystemError) {
            try poller.modify(
                connection.descriptorNumber, token: tokens.lowerBound + UInt64(place),
                read: true, write: wants)
            connection.isWatchedForWriting = wants
        } catch {
            // No memory in the kernel: the next datagram tries again.
        }
    }
}
