/// What stands behind the header of a voice packet: copies of earlier frames, if its flags tell of
/// any, and the frame itself. Read in place.
@unsafe public struct VoiceBlocks {
    /// A frame that was sent before.
    @unsafe public struct Copy {
        /// How many sequences, and samples, before the packet's own.
        public let framesBack: UInt8
        public let samplesBack: UInt16
        public let frame: UnsafeRawBufferPointer
    }

    /// The newer copy, and the older one.
    public private(set) var first: Copy?
    public private(set) var second: Copy?
    /// The frame of the packet.
    public let frame: UnsafeRawBufferPointer

    /// Nil when the bytes do not add up.
    init?(_ bytes: UnsafeRawBufferPointer, copies: Int) {
        var rest = unsafe bytes
        if copies > 0 {
            guard let copy = unsafe VoiceBlocks.takeCopy(from: &rest) else { return nil }
            unsafe first = copy
        }
        if copies > 1 {
            guard let copy = unsafe VoiceBlocks.takeCopy(from: &rest),
                let newer = unsafe first, unsafe copy.framesBack > newer.framesBack,
                unsafe copy.samplesBack > newer.samplesBack
            else { return nil }
            unsafe second = copy
        }
        guard rest.count > 0, rest.count <= VoiceHeader.maximumFrame else { return nil }
        unsafe frame = rest
    }

    private static func takeCopy(from rest: inout UnsafeRawBufferPointer) -> Copy? {
        guard rest.count > FrameCopies.headerSize else { return nil }
        let framesBack = unsafe rest[0]
        let samplesBack = UInt16(
            bigEndian: unsafe rest.loadUnaligned(fromByteOffset: 1, as: UInt16.self))
        let length = Int(
            UInt16(bigEndian: unsafe rest.loadUnaligned(fromByteOffset: 3, as: UInt16.self)))
        let end = FrameCopies.headerSize + length
        guard (1...2).contains(framesBack), samplesBack > 0,
            UInt32(samplesBack) <= FrameCopies.farthest, length > 0,
            length <= VoiceHeader.maximumFrame, rest.count > end
        else { return nil }
        let frame = unsafe UnsafeRawBufferPointer(rebasing: rest[FrameCopies.headerSize..<end])
        unsafe rest = UnsafeRawBufferPointer(rebasing: rest[end...])
        return unsafe Copy(framesBack: framesBack, samplesBack: samplesBack, frame: frame)
    }

    /// Writes one copy; how many bytes that took.
    static func write(
        _ frame: UnsafeRawBufferPointer, framesBack: UInt8, samplesBack: UInt16,
        to bytes: UnsafeMutableRawBufferPointer
    ) -> Int {
        unsafe bytes[0] = framesBack
        unsafe bytes.storeBytes(of: samplesBack.bigEndian, toByteOffset: 1, as: UInt16.self)
        unsafe bytes.storeBytes(
            of: UInt16(frame.count).bigEndian, toByteOffset: 3, as: UInt16.self)
        unsafe UnsafeMutableRawBufferPointer(rebasing: bytes[FrameCopies.headerSize...])
            .copyMemory(from: frame)
        return FrameCopies.headerSize + frame.count
    }
}
