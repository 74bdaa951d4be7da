internal import CALSA

/// How samples look on a device that is neither mono nor float.
enum ALSASampleFormat: CaseIterable {
    case float32
    case int16
    case int32
    /// In three bytes: what many cards for music know only.
    case int24
    /// In the lower three of four bytes.
    case int24Padded

    var code: snd_pcm_format_t {
        switch self {
        case .float32: SND_PCM_FORMAT_FLOAT_LE
        case .int16: SND_PCM_FORMAT_S16_LE
        case .int32: SND_PCM_FORMAT_S32_LE
        case .int24: SND_PCM_FORMAT_S24_3LE
        case .int24Padded: SND_PCM_FORMAT_S24_LE
        }
    }

    /// Bytes of one sample.
    var size: Int {
        switch self {
        case .float32: 4
        case .int16: 2
        case .int24: 3
        case .int32, .int24Padded: 4
        }
    }

    /// Mixes `count` interleaved frames of `channels` down to `target` from `offset` on.
    func read(
        _ source: UnsafeRawPointer, count: Int, channels: Int,
        into target: borrowing SampleBuffer, at offset: Int
    ) {
        let scale = 1 / (Float(channels) * fullScale)
        for frame in 0..<count {
            var sum: Float = 0
            for channel in 0..<channels {
                let position = (frame * channels + channel) * size
                switch self {
                case .float32:
                    sum += unsafe source.loadUnaligned(
                        fromByteOffset: position, as: Float.self)
                case .int16:
                    sum += Float(
                        unsafe source.loadUnaligned(
                            fromByteOffset: position, as: Int16.self))
                case .int32:
                    sum += Float(
                        unsafe source.loadUnaligned(
                            fromByteOffset: position, as: Int32.self))
                case .int24:
                    let low = unsafe source.loadUnaligned(
                        fromByteOffset: position, as: UInt16.self)
                    let high = unsafe source.loadUnaligned(
                        fromByteOffset: position + 2, as: Int8.self)
                    sum += Float(Int32(high) << 16 | Int32(low))
                case .int24Padded:
                    // The fourth byte may be anything.
                    let bits = unsafe source.loadUnaligned(
                        fromByteOffset: position, as: Int32.self)
                    sum += Float((bits << 8) >> 8)
                }
            }
            let sample = sum * scale
            target[offset + frame] = sample.isFinite ? sample : 0
        }
    }

    /// Writes `count` samples of `source` from `offset` on to all `channels`, interleaved.
    func write(
        _ source: borrowing SampleBuffer, at offset: Int, count: Int, channels: Int,
        into target: UnsafeMutableRawPointer
    ) {
        for frame in 0..<count {
            let sample = max(-1, min(1, source[offset + frame]))
            for channel in 0..<channels {
                let position = (frame * channels + channel) * size
                switch self {
                case .float32:
                    unsafe target.storeBytes(
                        of: sample, toByteOffset: position, as: Float.self)
                case .int16:
                    unsafe target.storeBytes(
                        of: Int16((sample * 32_767).rounded()), toByteOffset: position,
                        as: Int16.self)
                case .int32:
                    unsafe target.storeBytes(
                        of: Int32((Double(sample) * 2_147_483_647).rounded()),
                        toByteOffset: position, as: Int32.self)
                case .int24:
                    let value = Int32((sample * 8_388_607).rounded())
                    unsafe target.storeBytes(
                        of: UInt16(truncatingIfNeeded: value), toByteOffset: position,
                        as: UInt16.self)
                    unsafe target.storeBytes(
                        of: Int8(value >> 16), toByteOffset: position + 2, as: Int8.self)
                case .int24Padded:
                    unsafe target.storeBytes(
                        of: Int32((sample * 8_388_607).rounded()), toByteOffset: position,
                        as: Int32.self)
                }
            }
        }
    }

    private var fullScale: Float {
        switch self {
        case .float32: 1
        case .int16: 32_768
        case .int32: 2_147_483_648
        case .int24, .int24Padded: 8_388_608
        }
    }
}
