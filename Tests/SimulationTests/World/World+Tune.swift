import VCCore
import VCTestKit

@testable import VCCore

extension World {
    /// Somebody with a phrase, made from the seed `phrase` without Argon2id.
    mutating func addTuner(
        name: String, phrase: UInt64 = 1, bucket: UInt16 = 0x1234, at site: Site? = nil
    ) -> Node {
        var random = AnyRandomSource(SplitMix64(seed: phrase))
        let secret = TuneSecret(
            bucket: bucket, SecretBytes(random: &random, count: 32, in: arena))
        return addTuner(name: name, secret, at: site)
    }
}
