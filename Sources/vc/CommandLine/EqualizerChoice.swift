/// Three bands in dB, as they are typed: `LOW,MID,HIGH`, or with spaces between them.
struct EqualizerChoice: Equatable {
    /// What a band can be changed by.
    static let range = -12.0...12.0
    static let flat = EqualizerChoice(low: 0, middle: 0, high: 0)

    let low: Double
    let middle: Double
    let high: Double

    init(low: Double, middle: Double, high: Double) {
        self.low = low
        self.middle = middle
        self.high = high
    }

    init?(_ text: String) {
        let bands = text.split { $0 == "," || $0 == " " }.map { decimalNumber(String($0)) }
        guard bands.count == 3, let low = bands[0], let middle = bands[1], let high = bands[2],
            [low, middle, high].allSatisfy(Self.range.contains)
        else { return nil }
        self.init(low: low, middle: middle, high: high)
    }

    /// As it is typed.
    var spelling: String {
        [low, middle, high].compactMap { fixedDecimal($0, decimals: $0 == $0.rounded() ? 0 : 1) }
            .joined(separator: " ")
    }
}
