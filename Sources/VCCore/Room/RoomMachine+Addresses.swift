// Where this machine can be reached, and where the others say that they can.
extension RoomMachine {
    /// Nothing answers for this long: a new port may find a way, where the old one is stuck in some
    /// NAT (mosh hops to another port after the same time).
    static let portPatience = Duration.seconds(10)

    /// Where others may reach us. What the server saw stands in front: it reaches across the
    /// internet, and lists are cut at their end. Where our NAT kept no port, it may still have kept
    /// the one of our socket for others.
    var candidates: [Endpoint] {
        guard configuration.rungs.allowsDirect else { return [] }
        var list: [Endpoint] = []
        func add(_ endpoint: Endpoint) {
            if !list.contains(endpoint) { list.append(endpoint) }
        }
        if let mapped { add(mapped) }
        if let observed {
            add(observed)
            if let port = ownCandidates.first?.port, !local.contains(observed) {
                add(observed.with(port: port))
            }
        }
        if let elsewhere = mapping.observedElsewhere { add(elsewhere) }
        ownCandidates.forEach(add)
        return list
    }

    /// This machine has other addresses now, or another port: all routes are tried again.
    public mutating func addressesChanged(
        _ candidates: [Endpoint], local: LocalAddresses, now: Instant
    ) {
        guard candidates != ownCandidates else { return }
        ownCandidates = candidates
        self.local = local
        mapping.restart(servers: configuration.servers, random: &random, now: now)
        birthday.cancel()
        signal.noteAddressChange(now: now)
        relays.rebind(now: now)
        for number in peers.numbers {
            peers[number].path.probeAgain(now: now)
            peers[number].birthday.forget()
            peers[number].owesCandidates = true
        }
        lastPort = now
        wake(now)
    }

    /// A router maps `endpoint` to our port; nil when it does not any more.
    public mutating func setMapped(_ endpoint: Endpoint?, now: Instant) {
        guard mapped != endpoint else { return }
        mapped = endpoint
        for number in peers.numbers { peers[number].owesCandidates = true }
        wake(now)
    }

    /// Whether a new local port should be tried: there is somebody to talk to, and nothing at all
    /// was answered for 10 s.
    public func needsNewPort(now: Instant) -> Bool {
        guard phase == .inRoom, peers.count > 0 else { return false }
        return now >= portDeadline
    }

    /// The shell has another port now, or cannot have one: not again for a while.
    public mutating func portKept(now: Instant) {
        lastPort = now
        wake(now)
    }

    private var portDeadline: Instant {
        var latest = max(lastPort, relays.lastAnswer)
        for number in peers.numbers {
            latest = max(latest, max(peers[number].since, peers[number].path.lastAnswer ?? .zero))
            // A full network loses answers for long; a port that voice gets through is not stuck.
            latest = max(latest, peers[number].heardUs)
        }
        return latest + RoomMachine.portPatience
    }

    /// The address that the server saw joins the candidates, in the place of the last one.
    mutating func learnOwnAddress(_ observed: Endpoint, now: Instant) {
        // A client beside the server has no address of its own: port 0.
        guard observed.port != 0 else { return }
        let before = candidates
        self.observed = observed
        guard candidates != before else { return }
        for number in peers.numbers { peers[number].owesCandidates = true }
        wake(now)
    }

    /// Tells where we are, as often as the other side takes it.
    mutating func sendCandidates(_ number: Int, now: Instant) {
        guard peers[number].owesCandidates, peers[number].isMember,
            now >= peers[number].nextCandidates
        else { return }
        peers[number].owesCandidates = false
        peers[number].nextCandidates = now + PathMachine.listInterval
        send(.candidates(candidates, ownMapping), to: number, now: now)
    }

    /// The addresses at which a member says that it is.
    mutating func takeCandidates(
        _ offered: [Endpoint], of number: Int, lead: Duration, now: Instant
    ) {
        peers[number].hidesAddresses = offered.isEmpty
        guard configuration.rungs.allowsDirect else { return }
        let found = addressesFound(of: number)
        let admitted = offered.filter(configuration.rungs.admits)
        let admittedFound = found.filter(configuration.rungs.admits)
        peers[number].isFiltered =
            admitted.count < offered.count || admittedFound.count < found.count
        let list = CandidateList(accepting: admitted, local: local, found: admittedFound)
        peers[number].path.setCandidates(list, lead: lead, now: now)
    }
}
