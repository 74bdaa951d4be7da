/// Where captured voice comes from and received voice goes: the audio side as the network thread
/// sees it. Neither side knows the other; both know this.
public protocol VoicePort: AnyObject, Sendable {
    /// An eventfd that is readable while `capturedFrames` may hold a frame.
    var captureReady: Int32 { get }
    /// Coded frames to be sent. The network thread is the only reader.
    var capturedFrames: FrameRing { get }
    /// Hands over a frame of a member. False when nobody there wants it. `slot` is 0 to 15.
    @discardableResult
    func receive(_ frame: VoiceFrame, payload: RawSpan, slot: Int) -> Bool
}
