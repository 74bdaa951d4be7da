// Chat: 20 messages a second at most, on both sides.
extension RoomMachine {
    /// Messages that wait for their turn: what somebody pastes, and nobody types.
    static let maximumHeldChat = 1_000

    /// Chat that waits because more than 20 messages were written within a second.
    struct HeldChat {
        let id: UInt64
        let text: [UInt8]
        /// For whom it was written; nil: for everybody.
        let listeners: [PublicKey]?
    }

    /// Sends chat to everybody, or to those whom we whisper to. Returns its number, which `delivery`
    /// events name; nil when there is nothing to send, nobody to get it, or too much waits already.
    public mutating func sendChat(_ text: DisplayText, now: Instant) -> UInt64? {
        guard phase == .inRoom, !text.isEmpty, heldChat.count < RoomMachine.maximumHeldChat,
            peers.numbers.contains(where: { takesChat($0) && hearsUs($0) })
        else { return nil }
        let chat = HeldChat(
            id: nextChat, text: Array(text.text.utf8),
            listeners: whisperListeners?.map { peers[Int($0)].key })
        if heldChat.isEmpty, chatAllowance.take(now: now) {
            guard hand(out: chat, now: now) else { return nil }
        } else {
            heldChat.append(chat)
            wake(now)
        }
        nextChat += 1
        return chat.id
    }

    private func takesChat(_ number: Int) -> Bool {
        peers[number].isMember && !peers[number].isDisputed
    }

    /// Queues a message for each of its listeners; false when nobody takes it.
    private mutating func hand(out chat: HeldChat, now: Instant) -> Bool {
        let targets = peers.numbers.filter { number in
            takesChat(number) && chat.listeners?.contains(peers[number].key) ?? true
        }
        let message: StreamMessage =
            chat.listeners == nil
            ? .chat(id: chat.id, text: chat.text)
            : .whisper(
                WhisperMessage(
                    id: chat.id, members: targets.map { UInt8($0) }, text: chat.text))
        let refusing = targets.filter { !send(message, to: $0, id: chat.id, now: now) }
        guard refusing.count < targets.count else { return false }
        for number in refusing { tellUndelivered(chat.id, number) }
        return true
    }

    private mutating func tellUndelivered(_ id: UInt64, _ number: Int) {
        events.append(.delivery(id: id, member: UInt8(number), isDelivered: false))
    }

    /// What waits goes out, 20 messages a second.
    mutating func driveChat(now: Instant) {
        while let chat = heldChat.first, chatAllowance.take(now: now) {
            heldChat.removeFirst()
            if !hand(out: chat, now: now) { dropHeld(chat) }
        }
    }

    /// When the next message that waits may go.
    func chatTimeout(now: Instant) -> Instant {
        heldChat.isEmpty ? .distantFuture : chatAllowance.nextToken(now: now)
    }

    /// The room ends: what waits is not delivered to anybody.
    mutating func dropHeldChat() {
        for chat in heldChat { dropHeld(chat) }
        heldChat = []
    }

    private mutating func dropHeld(_ chat: HeldChat) {
        for number in peers.numbers
        where takesChat(number) && chat.listeners?.contains(peers[number].key) ?? true {
            tellUndelivered(chat.id, number)
        }
    }

    // MARK: Received

    mutating func showChat(
        _ text: [UInt8], id: UInt64, from number: Int, to: [UInt8]?, now: Instant
    ) {
        guard peers[number].chatAllowance.take(now: now) else {
            return noteFlood(of: number, now: now)
        }
        let clean = unsafe DisplayText(message: text.span.bytes)
        guard !clean.isEmpty else { return }
        let author = member(number)
        events.append(
            to.map { .whisper(from: author, text: clean, id: id, to: $0) }
                ?? .chat(from: author, text: clean, id: id))
    }

    private mutating func noteFlood(of number: Int, now: Instant) {
        counters.flooded += 1
        // One warning a minute says it as well as a thousand.
        if let told = peers[number].toldFlood, now < told + .seconds(60) { return }
        peers[number].toldFlood = now
        events.append(.warning(.chatFlood(member: UInt8(number))))
    }
}
