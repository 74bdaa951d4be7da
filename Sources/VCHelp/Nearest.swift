/// The candidate that `typed` was probably meant to be: within a third of its letters, counting a
/// letter more, less or another, and a swap of neighbours; nil when none is so near.
public func nearest(to typed: String, among candidates: [String]) -> String? {
    let limit = max(1, typed.count / 3)
    let ranked = candidates.map { (keystrokes(from: typed, to: $0), $0) }.min { $0.0 < $1.0 }
    guard let (distance, best) = ranked, distance <= limit else { return nil }
    return best
}

/// Optimal string alignment distance. Of `left` only the first 64 letters count: it may come from
/// anywhere.
public func keystrokes(from left: String, to right: String) -> Int {
    let left = Array(left.unicodeScalars.prefix(64))
    let right = Array(right.unicodeScalars)
    var beforeLast: [Int] = []
    var last = Array(0...right.count)
    for row in left.indices {
        var current = [row + 1]
        for column in right.indices {
            var cost = min(last[column + 1], current[column]) + 1
            cost = min(cost, last[column] + (left[row] == right[column] ? 0 : 1))
            if row > 0, column > 0, left[row] == right[column - 1],
                left[row - 1] == right[column]
            {
                cost = min(cost, beforeLast[column - 1] + 1)
            }
            current.append(cost)
        }
        beforeLast = last
        last = current
    }
    return last[right.count]
}
