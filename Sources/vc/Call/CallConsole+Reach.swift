internal import VCCore
internal import VCNet

// Where the room is: which host a joiner has found, and who can find ours.
extension CallConsole {
    mutating func noteSearch(_ nameplate: UInt32, at host: Endpoint?) {
        hasSearched = true
        foundServer = host?.serverText
        show(.searching(nameplate: Int(nameplate), server: foundServer))
    }

    /// The server that let us in is the one that counts from now on.
    mutating func noteServer() {
        guard let foundServer else { return }
        serverName = foundServer
        updateSettings()
    }

    /// Says once who can come in, and again when the router changes that.
    mutating func tellReach() {
        guard let reach, !hasToldReach else { return }
        hasToldReach = true
        show(.reach(reach))
    }

    /// Each tick: whether the router forwards our port.
    mutating func noteMapping(_ external: Endpoint?) {
        guard hasToldReach, reach?.note(mapped: external) ?? false, let reach else { return }
        show(.reach(reach))
    }
}
