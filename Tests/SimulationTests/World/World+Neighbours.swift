@testable import VCCore

/// A host with a signaling server inside, in the network that everybody is in.
final class Neighbour {
    private var answerer: DiscoveryAnswerer
    /// Where its server is, which its answers come from.
    let server: Endpoint
    /// The numbers of its rooms.
    let nameplates: Set<UInt32>
    /// Questions that it heard.
    private(set) var questions: [DiscoveryQuery] = []

    init(at server: Endpoint, nameplates: Set<UInt32>) {
        var random = SplitMix64(seed: server.low ^ UInt64(server.port))
        answerer = DiscoveryAnswerer(random: &random)
        self.server = server
        self.nameplates = nameplates
    }

    func answer(_ question: [UInt8], from source: Endpoint, now: Instant) -> [UInt8]? {
        if let query = try? DiscoveryQuery(question.span.bytes) { questions.append(query) }
        let links = LinkPrefixes([LinkPrefixes.Prefix(source, length: 32)])
        let answer = answerer.answer(question.span.bytes, from: source, links: links, now: now) {
            nameplates.contains($0)
        }
        return answer.map { answer in
            [UInt8](capacity: DiscoveryFormat.answerSize) { answer.encode(into: &$0) }
        }
    }
}

extension World {
    /// Has all neighbours hear what a member asks, and the member their answers.
    func ask(_ node: Node) {
        var question = [UInt8](repeating: 0, count: DiscoveryFormat.querySize)
        let size = question.withUnsafeMutableBytes { node.machine.pollQuery(into: $0, now: now) }
        guard size == question.count else { return }
        for neighbour in neighbours {
            guard let answer = neighbour.answer(question, from: node.endpoint, now: now) else {
                continue
            }
            receive(answer, from: neighbour.server, at: node)
        }
    }
}
