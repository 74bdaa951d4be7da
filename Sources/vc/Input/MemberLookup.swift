internal import VCCore

/// Finds the member that a typed name means: the whole name first, then in any case, then by
/// number, then by how the name begins. Nil when nobody or more than one is meant.
func findMember(_ typed: DisplayText, among members: [MemberName]) -> Int? {
    let lowered = typed.text.lowercased()
    let attempts: [(MemberName) -> Bool] = [
        { $0.name.text == typed.text },
        { $0.name.text.lowercased() == lowered },
        { String($0.number) == typed.text },
        { $0.name.text.lowercased().hasPrefix(lowered) },
    ]
    for isMeant in attempts {
        let found = members.filter(isMeant)
        if found.count == 1 { return found[0].number }
        if found.count > 1 { return nil }
    }
    return nil
}

/// What a line of several names means.
enum FoundMembers: Equatable {
    /// Numbers, lowest first, each once.
    case found([Int])
    /// Nobody, or more than one, is called that.
    case unknown(String)
}

/// Finds the members that typed names mean, with spaces or commas between them. Names may have
/// spaces themselves: the longest one that fits is taken.
func findMembers(_ typed: DisplayText, among members: [MemberName]) -> FoundMembers {
    var words = typed.text.split { $0 == " " || $0 == "," }[...]
    var numbers: Set<Int> = []
    while let first = words.first {
        let match = (1...words.count).reversed().lazy.compactMap { count -> (Int, Int)? in
            let name = DisplayText(name: words.prefix(count).joined(separator: " "))
            return findMember(name, among: members).map { (count, $0) }
        }.first
        guard let (count, number) = match else { return .unknown(String(first)) }
        numbers.insert(number)
        words.removeFirst(count)
    }
    return .found(numbers.sorted())
}

/// The name of somebody who gave none: `guest-WORD`, never the login name, which could tell more
/// than its owner wants.
func guestName(using source: inout some RandomSource) -> DisplayText {
    let index = UInt16(source.next(below: UInt32(WordList.count)))
    return DisplayText(name: "guest-" + WordList.publicText(of: index))
}
