/// Copies of earlier frames, for members that lose some.
extension RoomMachine {
    /// Writes a voice packet for a member: header, the copies that its losses call for, frame. How
    /// many bytes that took. `plaintext` has room for `Limits.datagram` less all headers.
    @unsafe mutating func writeVoice(
        _ header: VoiceHeader, _ frame: UnsafeRawBufferPointer, to number: Int,
        into plaintext: UnsafeMutableRawBufferPointer
    ) -> Int {
        unsafe recentFrames.keep(frame, timestamp: header.timestamp)
        var flags = header.flags
        var length = VoiceHeader.size
        let wanted = (configuration.copies ?? peers[number].loss.copies).rawValue
        var back: UInt8 = 1
        while back <= 2 {
            if wanted & back != 0,
                let timestamp = peers[number].sentFrames.timestamp(
                    back: UInt16(back), before: header),
                let copy = unsafe recentFrames.frame(at: timestamp),
                length + FrameCopies.headerSize + copy.count + frame.count <= plaintext.count
            {
                length += unsafe VoiceBlocks.write(
                    copy, framesBack: back,
                    samplesBack: UInt16(truncatingIfNeeded: header.timestamp &- timestamp),
                    to: UnsafeMutableRawBufferPointer(rebasing: plaintext[length...]))
                flags += VoiceHeader.oneCopy
            }
            back += 1
        }
        let marked = VoiceHeader(
            flags: flags, sequence: header.sequence, timestamp: header.timestamp,
            level: header.level)
        unsafe marked.write(
            to: UnsafeMutableRawBufferPointer(rebasing: plaintext[..<VoiceHeader.size]))
        unsafe UnsafeMutableRawBufferPointer(rebasing: plaintext[length...])
            .copyMemory(from: frame)
        peers[number].sentFrames.note(header)
        return length + frame.count
    }
}
