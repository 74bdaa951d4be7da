internal import Glibc
internal import VCCore

/// The sockets that a member opens beside its main one, for a NAT that gives each another port.
/// They are opened and closed while ports are tried, some hundred times; a call that goes through
/// one of them allocates nothing per packet.
@safe struct ExtraSockets: ~Copyable {
    /// Socket n has the token `firstToken + n`.
    private let firstToken: UInt64
    private let base: UnsafeMutablePointer<UDPSocket>
    /// Which of them are open. What the system refused is not.
    private(set) var open = SocketSet()
    /// What was asked for last.
    private var wanted = SocketSet()
    private var single = SendBatch(slots: 1)
    /// Sockets that the system refused: each rises once per attempt, and costs chance only.
    private(set) var refused: UInt64 = 0

    /// - Parameter tokens: 256 tokens at the poller, the first of which is not used.
    init(tokens: Range<UInt64>) {
        precondition(tokens.count == 256, "a socket has a number of one byte")
        firstToken = tokens.lowerBound
        unsafe base = .allocate(capacity: 256)
    }

    deinit {
        for number in 1...UInt8.max where open.contains(number) {
            unsafe (base + Int(number)).deinitialize(count: 1)
        }
        unsafe base.deallocate()
    }

    /// Which socket a token belongs to, if it is an open one.
    func number(of token: UInt64) -> UInt8? {
        guard token > firstToken, token - firstToken <= UInt64(UInt8.max) else { return nil }
        let number = UInt8(token - firstToken)
        return open.contains(number) ? number : nil
    }

    /// Opens those of `needed` that are not open, before something is sent through them.
    ///
    /// - Parameter main: where the main socket is bound: theirs are other ports of that address.
    mutating func openMissing(
        of needed: SocketSet, beside main: Endpoint, poller: borrowing Poller
    ) {
        guard needed != wanted else { return }
        for number in 1...UInt8.max where needed.contains(number) && !open.contains(number) {
            add(number, beside: main, poller: poller)
        }
    }

    /// Closes those that are not needed any more, after the last was sent through them.
    mutating func closeOthers(than needed: SocketSet) {
        guard needed != wanted else { return }
        wanted = needed
        for number in 1...UInt8.max where !needed.contains(number) && open.contains(number) {
            // The kernel forgets a watch with its descriptor.
            unsafe (base + Int(number)).deinitialize(count: 1)
            open.remove(number)
        }
    }

    private mutating func add(_ number: UInt8, beside main: Endpoint, poller: borrowing Poller) {
        do {
            // Few packets come to most of them, and voice to one.
            let socket = try UDPSocket(
                bindingTo: main.with(port: 0), receiveBufferBytes: 1 << 16)
            try poller.add(socket.descriptorNumber, token: firstToken + UInt64(number))
            unsafe (base + Int(number)).initialize(to: socket)
            open.insert(number)
        } catch {
            // Without this one the chance is a little smaller.
            refused += 1
        }
    }

    /// Takes what is waiting at an open socket.
    func receive(from number: UInt8, into batch: inout ReceiveBatch) -> Int {
        precondition(open.contains(number), "no such socket")
        return unsafe batch.receive(from: base[Int(number)])
    }

    /// Sends a datagram through the socket that its destination names, if that is open.
    mutating func send(_ datagram: UnsafeRawBufferPointer, as transmit: Transmit, hops usual: UInt8)
    {
        let number = transmit.destination.socket
        guard open.contains(number), let packet = unsafe single.reserve() else { return }
        unsafe packet.copyMemory(from: datagram)
        single.commit(transmit.size, to: transmit.destination)
        if let hops = transmit.hops {
            unsafe base[Int(number)].setTimeToLive(hops)
            unsafe single.flush(through: base[Int(number)])
            unsafe base[Int(number)].setTimeToLive(usual)
        } else {
            unsafe single.flush(through: base[Int(number)])
        }
    }
}
