import Testing

private let rules = importRules + codeRules + textRules

@Suite("House rules")
struct TidyTests {
    @Test("are kept by every file", arguments: rules)
    func kept(rule: Rule) {
        for file in Repository.files {
            for breach in rule.breaches(file) {
                Issue.record("\(file.path): \(breach)")
            }
        }
    }

    @Test("see what breaks them, and only that", arguments: rules)
    func seen(rule: Rule) {
        #expect(!rule.bad.isEmpty && !rule.good.isEmpty)
        for sample in rule.bad {
            #expect(!rule.breaches(sample).isEmpty, "\(sample.lines.prefix(3))")
        }
        for sample in rule.good {
            #expect(rule.breaches(sample).isEmpty, "\(sample.lines.prefix(3))")
        }
    }

    @Test("are read against the whole repository")
    func everythingIsRead() {
        let paths = Set(Repository.files.map(\.path))
        for path in [
            "Package.swift", "Sources/VCCore/Code/RoomCode.swift", "Tests/TidyTests/Rule.swift",
            "Tools/wordlist/check", "debian/vc.install",
        ] {
            #expect(paths.contains(path), "\(path)")
        }
        for made in [".build/", "debian/vc/", "debian/vc-servers/", "debian/files"] {
            #expect(!paths.contains { $0.hasPrefix(made) }, "\(made)")
        }
    }

    @Test("do not mistake comments and text for code")
    func codeAlone() {
        for (source, code) in [
            ("a // b\nc", "a \nc"), ("a /* b /* c */ d */ e", "a  e"), ("/* a\nb */c", "\nc"),
            ("\"a{b\" + c", "\"\" + c"), (#""a\"b" c"#, "\"\" c"), ("#\"a\"b\"# c", "\"\" c"),
            ("\"\"\"\na\n\"b\"\n\"\"\" c", "\"\n\n\n\" c"),
            (#""a\(b + "c")d" e"#, #""(b + "")" e"#), ("\"a // b\" c", "\"\" c"),
        ] {
            let found = String(decoding: codeOnly(Array(source.utf8)), as: UTF8.self)
            #expect(found == code, "\(source)")
        }
    }

    @Test("find the article that each link of the documentation names")
    func documentationLinks() {
        let articles = Repository.files.filter {
            $0.path.contains(".docc/") && $0.path.hasSuffix(".md")
        }
        #expect(brokenLinks(in: articles).isEmpty)
        let sample = SourceFile(path: "A.docc/B.md", text: "see <doc:C> and <doc:B#Part>")
        #expect(brokenLinks(in: [sample]) == ["A.docc/B.md: C"])
    }

    private func brokenLinks(in articles: [SourceFile]) -> [String] {
        let names = Set(articles.map { $0.name.dropLast(3) })
        return articles.flatMap { article in
            article.lines.flatMap { line in
                line.split(separator: "<").compactMap { part -> String? in
                    guard part.hasPrefix("doc:"), let end = part.firstIndex(of: ">") else {
                        return nil
                    }
                    let target = part[..<end].dropFirst(4).prefix { $0 != "#" }
                    return names.contains(target) ? nil : "\(article.path): \(target)"
                }
            }
        }
    }
}
