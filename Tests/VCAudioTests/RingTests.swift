import Glibc
import Synchronization
import Testing
import VCAudio
import VCCore

@Suite struct RingTests {
    private func frame(_ number: Int) -> VoiceFrame {
        VoiceFrame(
            sequence: UInt16(truncatingIfNeeded: number), timestamp: UInt32(number),
            instant: .zero)
    }

    @Test("frames come out in order with their bytes, the surplus is dropped and counted")
    func order() {
        let ring = FrameRing(capacity: 8)
        for round in 0..<100 {
            for number in 0..<10 {
                let payload = [UInt8](repeating: UInt8(number), count: number)
                let isTaken = ring.push(frame(number), payload: payload.span.bytes)
                #expect(isTaken == (number < 8))
            }
            #expect(ring.count == 8)
            for number in 0..<8 {
                var seen = -1
                var bytes = -1
                ring.pop { frame, payload in
                    seen = Int(frame.sequence)
                    bytes = payload.byteCount
                    for index in payload.byteOffsets {
                        let byte = payload.unsafeLoad(fromByteOffset: index, as: UInt8.self)
                        if byte != UInt8(number) { bytes = -2 }
                    }
                }
                #expect(seen == number && bytes == number)
            }
            let isEmpty = !ring.pop { _, _ in }
            #expect(isEmpty)
            #expect(ring.dropped == UInt64(2 * (round + 1)))
        }
    }

    @Test("a payload above the limit is dropped, not cut")
    func large() {
        let ring = FrameRing(capacity: 8)
        let fits = [UInt8](repeating: 1, count: VoiceFrame.payloadLimit)
        let large = [UInt8](repeating: 1, count: VoiceFrame.payloadLimit + 1)
        let tookFitting = ring.push(frame(1), payload: fits.span.bytes)
        let tookLarge = ring.push(frame(2), payload: large.span.bytes)
        #expect(tookFitting && !tookLarge)
        #expect(ring.count == 1 && ring.dropped == 1)
    }

    @Test("the reader drops the first frames that were ever pushed, and no others")
    func drop() {
        let ring = FrameRing(capacity: 8)
        let payload = [UInt8](repeating: 1, count: 1)
        func push(_ numbers: Range<Int>) {
            for number in numbers { ring.push(frame(number), payload: payload.span.bytes) }
        }
        func next() -> Int {
            var number = -1
            ring.pop { frame, _ in number = Int(frame.sequence) }
            return number
        }
        push(0..<5)
        #expect(next() == 0)
        let former = ring.pushed
        push(5..<7)
        ring.drop(first: former)
        #expect(former == 5 && next() == 5 && ring.count == 1)
        // They are gone: nothing is dropped for them a second time, nor what was never pushed.
        ring.drop(first: former)
        #expect(next() == 6)
        ring.drop(first: 100)
        push(7..<8)
        #expect(ring.count == 1 && next() == 7)
    }

    @Test("one writer and one reader at full speed lose nothing that was taken in, nor mix it up")
    func threads() {
        let shared = Shared()
        var thread = pthread_t()
        let context = Unmanaged.passRetained(shared)
        pthread_create(
            &thread, nil,
            { raw in
                let shared = Unmanaged<Shared>.fromOpaque(raw!).takeRetainedValue()
                var number = 0
                while number < Shared.count {
                    let payload = [UInt8](repeating: UInt8(number & 255), count: 60)
                    let frame = VoiceFrame(
                        sequence: UInt16(truncatingIfNeeded: number),
                        timestamp: UInt32(number), instant: .zero)
                    if shared.ring.push(frame, payload: payload.span.bytes) {
                        number += 1
                    } else {
                        sched_yield()
                    }
                }
                return nil
            }, context.toOpaque())
        var expected = 0
        var wrong = 0
        while expected < Shared.count {
            let got = shared.ring.pop { frame, payload in
                let last = payload.unsafeLoad(fromByteOffset: 59, as: UInt8.self)
                if frame.timestamp != UInt32(expected) || last != UInt8(expected & 255) {
                    wrong += 1
                }
            }
            if got { expected += 1 } else { sched_yield() }
        }
        pthread_join(thread, nil)
        #expect(wrong == 0)
    }

    private final class Shared: Sendable {
        static let count = 100_000
        let ring = FrameRing(capacity: 16)
    }
}
