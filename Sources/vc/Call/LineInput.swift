internal import Glibc
internal import VCCore

/// Standard input, cut into lines as they come.
struct LineInput {
    /// Longer lines are cut here; the parser refuses them with a sentence.
    private static let longestLine = 8 * 1_024

    private var partial: [UInt8] = []
    /// Whether more may come.
    private(set) var isOpen = true

    /// Reads what is there and calls `body` with each whole line.
    mutating func read(_ body: (RawSpan) -> Void) {
        var buffer = [UInt8](repeating: 0, count: 4_096)
        let count = unsafe buffer.withUnsafeMutableBytes { bytes in
            unsafe Glibc.read(STDIN_FILENO, bytes.baseAddress, bytes.count)
        }
        guard count > 0 else {
            // The end of the input does not leave the room.
            if count == 0 || (errno != EINTR && errno != EAGAIN) { isOpen = false }
            if !isOpen, !partial.isEmpty { unsafe body(partial.span.bytes) }
            return
        }
        for byte in buffer[..<count] {
            if byte == UInt8(ascii: "\n") {
                unsafe body(partial.span.bytes)
                partial.removeAll(keepingCapacity: true)
            } else if partial.count < LineInput.longestLine {
                partial.append(byte)
            }
        }
    }
}
