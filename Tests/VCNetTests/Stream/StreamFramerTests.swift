import Testing
import VCCore

@testable import VCNet

@Suite struct StreamFramerTests {
    /// The stream that carries `datagrams`.
    static func stream(_ datagrams: [[UInt8]]) -> [UInt8] {
        datagrams.flatMap { [UInt8($0.count >> 8), UInt8($0.count & 0xFF)] + $0 }
    }

    /// What a framer makes of `stream` when it arrives in pieces of the sizes given, in turn.
    private static func frames(
        of stream: [UInt8], pieces: [Int]
    ) throws(StreamFramer.BadLength) -> [[UInt8]] {
        var framer = StreamFramer()
        var found: [[UInt8]] = []
        var position = 0
        var turn = 0
        while position < stream.count {
            let space = framer.space()
            #expect(!space.isEmpty)
            let count = min(pieces[turn % pieces.count], space.count, stream.count - position)
            space.copyBytes(from: stream[position..<position + count])
            framer.commit(count)
            position += count
            turn += 1
            while let datagram = try framer.next() { found.append(Array(datagram)) }
        }
        return found
    }

    @Test(
        "datagrams come out as they went in, however the stream is cut",
        arguments: [[1], [2], [3, 1], [1_201], [1_202], [4_096], [5, 4_096, 1], [700]])
    func cuts(pieces: [Int]) throws {
        let sizes = [1, 1_200, 2, 1_199, 120, 120, 120, 1_200, 1_200, 1_200, 1_200, 1, 640, 3]
        let datagrams = sizes.enumerated().map { [UInt8](repeating: UInt8($0), count: $1) }
        #expect(try Self.frames(of: Self.stream(datagrams), pieces: pieces) == datagrams)
    }

    @Test(
        "a length of 0 or above 1,200 is refused, after what came before it",
        arguments: [0, 1_201, 65_535])
    func badLength(length: Int) throws {
        var framer = StreamFramer()
        let stream = Self.stream([[9]]) + [UInt8(length >> 8), UInt8(length & 0xFF), 1, 2, 3]
        framer.space().copyBytes(from: stream)
        framer.commit(stream.count)
        let first = try framer.next().map(Array.init)
        #expect(first == [9])
        #expect(throws: StreamFramer.BadLength(length: length)) { _ = try framer.next() }
    }

    @Test("a queue gives back what it took, in order, however little is taken at once")
    func queue() throws {
        var queue = StreamSendQueue()
        var random = SplitMix64(seed: 7)
        var expected: [UInt8] = []
        var seen: [UInt8] = []
        var dropped = 0
        for number in 0..<2_000 {
            let size = Int(random.next(below: 1_200)) + 1
            let datagram = [UInt8](repeating: UInt8(truncatingIfNeeded: number), count: size)
            // Only the first in the queue can be there in part.
            let sent = queue.isEmpty ? Int(random.next(below: UInt32(size + 2))) : 0
            let taken = datagram.withUnsafeBytes { queue.append($0, alreadySent: sent) }
            if taken {
                expected += Self.queued(datagram).dropFirst(sent)
            } else {
                dropped += 1
                let count = queue.count
                #expect(count == StreamSendQueue.limit)
            }
            let pending = Array(queue.pending)
            let amount = Int(random.next(below: UInt32(min(pending.count, 1_000) + 1)))
            seen += pending[..<amount]
            queue.remove(amount)
        }
        seen += Array(queue.pending)
        queue.remove(queue.pending.count)
        let isEmpty = queue.isEmpty
        #expect(isEmpty)
        #expect(seen == expected)
        #expect(dropped > 0 && dropped < 1_000)
    }

    private static func queued(_ datagram: [UInt8]) -> [UInt8] { stream([datagram]) }
}
