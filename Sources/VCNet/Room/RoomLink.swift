internal import Synchronization
public import VCCore

/// What the person's thread and the network thread have between them: commands one way, events the
/// other, and the latest state. Locked, because nothing here is per packet.
public final class RoomLink: Sendable {
    /// What the person wants.
    public enum Command: Sendable {
        case chat(DisplayText)
        case name(DisplayText)
        case muted(Bool)
        /// We record what we hear, or do not any more.
        case recording(Bool)
        /// Only these members hear us and get our chat; empty: everybody.
        case whisper([UInt8])
        /// How a member's voice arrives, to be told to it.
        case report(ReceiverReport, to: UInt8)
        /// A router maps this address to our port; nil when it does not any more.
        case mapped(Endpoint?)
        /// Refreshes `connections`.
        case refresh
        /// Leaves the room; another member is host then, if we are.
        case leave
        /// Host: shows the code again.
        case showCode
        /// Host: makes a code for one guest.
        case inviteOnce
        /// Host: removes a member.
        case kick(UInt8)
        /// Host: lets nobody in, or people again.
        case lock(Bool)
        /// Host: closes the room for all.
        case end
        /// Compares safety words.
        case verify
        /// The words were the same.
        case confirm
    }

    /// What the person is told.
    public enum Event: Sendable {
        case room(RoomEvent)
        /// A chat message is on its way under this number.
        case sent(id: UInt64, text: DisplayText)
        /// A chat message that only these members get is on its way.
        case whispered(id: UInt64, text: DisplayText, to: [UInt8])
        /// A chat message was not taken: too much waits already, or nobody is there.
        case notSent(DisplayText)
        /// This machine's addresses, or the local port, are others now.
        case networkChanged(port: UInt16)
        /// The network loop has ended.
        case closed
    }

    private let commands = Mutex(Waiting<Command>())
    private let events = Mutex(Waiting<Event>())
    private let state = Mutex<[MemberConnection]>([])
    private let codeText = Mutex<RoomCode?>(nil)
    private let invites = Mutex<[HeldCode]>([])
    let commandReady: Wakeup
    /// Readable while `nextEvent` may give one.
    public let eventReady: Wakeup

    public init() throws(SystemError) {
        commandReady = try Wakeup()
        eventReady = try Wakeup()
    }

    // MARK: The person's thread

    /// Hands a command to the network thread.
    public func submit(_ command: Command) {
        commands.withLock { $0.append(command) }
        commandReady.signal()
    }

    /// The next event, oldest first.
    public func nextEvent() -> Event? {
        events.withLock { $0.next() }
    }

    /// The members' connections when they were last refreshed.
    public var connections: [MemberConnection] { state.withLock { $0 } }

    /// Calls `body` with the room code, if there is one.
    public func withCode(_ body: (borrowing RoomCode) -> Void) {
        // Whoever it is written for may not read it for long.
        let copy = codeText.withLock { code -> RoomCode? in
            switch code {
            case .some(let code): code.duplicate()
            case .none: nil
            }
        }
        if let copy { body(copy) }
    }

    /// Calls `body` with the one-time code of a nameplate, once.
    public func takeInvite(_ nameplate: UInt32, _ body: (borrowing RoomCode) -> Void) {
        let held = invites.withLock { held -> HeldCode? in
            guard let index = held.firstIndex(where: { $0.code.nameplate == nameplate }) else {
                return nil
            }
            return held.remove(at: index)
        }
        if let held { body(held.code) }
    }

    // MARK: The network thread

    func nextCommand() -> Command? {
        commands.withLock { $0.next() }
    }

    func tell(_ event: Event) {
        events.withLock { $0.append(event) }
        eventReady.signal()
    }

    func setConnections(_ connections: [MemberConnection]) {
        state.withLock { $0 = connections }
    }

    func setCode(_ code: consuming RoomCode?) {
        var code = consume code
        codeText.withLock { $0 = code.take() }
    }

    func addInvite(_ code: consuming RoomCode) {
        let held = HeldCode(code)
        invites.withLock { $0.append(held) }
    }
}

/// What was not taken yet, oldest first. Taking one does not move all that wait behind it: the
/// network thread waits for that.
private struct Waiting<Element: Sendable>: Sendable {
    private var elements: [Element] = []
    private var taken = 0

    mutating func append(_ element: Element) {
        elements.append(element)
    }

    mutating func next() -> Element? {
        guard taken < elements.count else { return nil }
        let element = elements[taken]
        taken += 1
        if taken * 2 >= elements.count {
            elements.removeFirst(taken)
            taken = 0
        }
        return element
    }
}

/// A code in a list.
private final class HeldCode: Sendable {
    let code: RoomCode

    init(_ code: consuming RoomCode) {
        self.code = code
    }
}
