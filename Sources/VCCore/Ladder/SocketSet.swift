/// Some of our sockets beside the main one, by their numbers: 1 to 255.
public struct SocketSet: Equatable, Sendable, BitwiseCopyable {
    private var words: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)

    /// None.
    public init() {}

    /// The sockets 1 to `count`.
    public init(first count: Int) {
        precondition((0...255).contains(count), "a socket has a number of one byte")
        var number = 1
        while number <= count {
            insert(UInt8(number))
            number += 1
        }
    }

    public var isEmpty: Bool { words.0 | words.1 | words.2 | words.3 == 0 }

    public func contains(_ socket: UInt8) -> Bool {
        let bit: UInt64 = 1 << UInt64(socket & 63)
        return switch socket >> 6 {
        case 0: words.0 & bit != 0
        case 1: words.1 & bit != 0
        case 2: words.2 & bit != 0
        case _: words.3 & bit != 0
        }
    }

    /// The main socket is always there, and never in the set.
    public mutating func insert(_ socket: UInt8) {
        if socket != 0, !contains(socket) { toggle(socket) }
    }

    public mutating func remove(_ socket: UInt8) {
        if contains(socket) { toggle(socket) }
    }

    private mutating func toggle(_ socket: UInt8) {
        let bit: UInt64 = 1 << UInt64(socket & 63)
        switch socket >> 6 {
        case 0: words.0 ^= bit
        case 1: words.1 ^= bit
        case 2: words.2 ^= bit
        case _: words.3 ^= bit
        }
    }

    public static func == (one: SocketSet, other: SocketSet) -> Bool {
        one.words == other.words
    }
}
