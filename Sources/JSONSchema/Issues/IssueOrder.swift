import RunnelKit

/// Puts issues in the order in which a reader of the value meets them.
enum IssueOrder {
    static func sorted(_ issues: [SchemaIssue], in value: Value) -> [SchemaIssue] {
        guard issues.count > 1 else { return issues }
        let placed = issues.enumerated().map { (place: place(of: $1, in: value), rank: $0, issue: $1) }
        return placed.sorted { left, right in
            if left.place == right.place { return left.rank < right.rank }
            return left.place.lexicographicallyPrecedes(right.place)
        }.map(\.issue)
    }

    private static func place(of issue: SchemaIssue, in value: Value) -> [Int] {
        var elements = issue.path.elements
        if let key = issue.key { elements.append(.key(key)) }
        var place: [Int] = []
        var current = value
        for element in elements {
            switch element {
            case .index(let index):
                guard let next = current[index] else { return place }
                place.append(index)
                current = next
            case .key(let key):
                guard let object = current.asObject, let index = object.firstIndex(where: { $0.key == key }) else {
                    return place
                }
                place.append(index)
                current = object[index].value
            }
        }
        return place
    }
}
