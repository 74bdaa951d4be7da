internal import Glibc
internal import VCCore
internal import VCNet

/// Gets the phrase of `vc tune` from where it stands, as bytes that are wiped.
enum PhraseInput {
    /// Reads the phrase, or makes one. Refused is what is no phrase, and what can be guessed unless
    /// that is accepted.
    static func read(
        _ source: PhraseSource, acceptsWeak: Bool, in arena: SecretArena
    ) throws(CallFailure) -> TunePhrase {
        // One byte more, to see that it is too long.
        var bytes = [UInt8](repeating: 0, count: TunePhrase.longestInput + 1)
        defer {
            unsafe bytes.withUnsafeMutableBytes { unsafe explicit_bzero($0.baseAddress!, $0.count) }
        }
        let count: Int
        switch source {
        case .made:
            var random = SystemRandom()
            return TunePhrase(using: &random, in: arena)
        case .arguments(let places): count = SecretInput.arguments(places, into: &bytes)
        case .environment: count = SecretInput.environment(.phrase, into: &bytes)
        case .configuration(let place): count = place.read(into: &bytes)
        case .terminal: count = SecretInput.terminal("Phrase: ", into: &bytes)
        }
        let phrase: TunePhrase
        do throws(TunePhraseError) {
            phrase = unsafe try TunePhrase(
                typed: bytes.span.bytes.extracting(0..<count), in: arena)
        } catch {
            throw CallFailure(.usage, error.sentence)
        }
        guard phrase.isStrong || acceptsWeak else {
            throw CallFailure(.usage, weakness(bits: phrase.strengthBits))
        }
        return phrase
    }

    static func weakness(bits: Int) -> String {
        "this phrase can be guessed: it counts for about \(bits) bits, and "
            + "\(TunePhrase.leastBits) are needed so that nobody finds it by trying. Take four or "
            + "more words that have nothing to do with each other, let `vc tune` make one, or say "
            + "--open if strangers may come in"
    }
}

extension TunePhraseError {
    fileprivate var sentence: String {
        switch self {
        case .empty: "the phrase is empty: nothing of it can be seen"
        case .tooLong: "a phrase has at most \(TunePhrase.longestInput) bytes"
        case .notText: "the phrase is not UTF-8: is the locale of this terminal another one?"
        }
    }
}
