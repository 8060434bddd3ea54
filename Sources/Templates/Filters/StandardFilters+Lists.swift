import RunnelKit

extension StandardFilters {
    static let lists: [TemplateFilter] = [
        TemplateFilter(
            name: "join", summary: "Joins the items to one text.", usage: #"join(separator="")"#, arguments: 0...1
        ) { value, arguments in
            let separator = try arguments.first?.filterText() ?? ""
            let items = try value.filterList()
            if let index = items.firstIndex(where: \.isNull) {
                throw FilterError("the item at index \(index) is null, not a text", code: TemplateErrorCode.emptyValue)
            }
            let parts = items.map(\.text)
            try FilterLimit.check(
                parts.reduce(0) { $0 + $1.utf8.count }, plus: parts.count, times: separator.utf8.count)
            return .string(parts.joined(separator: separator))
        },
        TemplateFilter(
            name: "length", summary: "The number of items, keys, characters or bytes.", usage: "length"
        ) { value, _ in
            switch value {
            case .list(let items): .int(Int64(items.count))
            case .object(let object): .int(Int64(object.count))
            case .bytes(let bytes): .int(Int64(bytes.count))
            default: .int(Int64(try value.filterText().count))
            }
        },
        TemplateFilter(name: "first", summary: "The first item or character.", usage: "first") { value, _ in
            if case .string(let text) = value { return text.first.map { .string(String($0)) } ?? .null }
            return try value.filterList().first ?? .null
        },
        TemplateFilter(name: "last", summary: "The last item or character.", usage: "last") { value, _ in
            if case .string(let text) = value { return text.last.map { .string(String($0)) } ?? .null }
            return try value.filterList().last ?? .null
        },
        TemplateFilter(name: "reverse", summary: "Reverses the order.", usage: "reverse") { value, _ in
            if case .string(let text) = value { return .string(String(text.reversed())) }
            return .list(try value.filterList().reversed())
        },
        TemplateFilter(
            name: "sort", summary: "Sorts: numbers by size, texts by character, objects by one of their keys.",
            usage: "sort(key)", arguments: 0...1
        ) { value, arguments in
            let key = try arguments.first?.filterText()
            return .list(
                try sorted(value.filterList()) { item in key.flatMap { item[$0] } ?? (key == nil ? item : .null) })
        },
        TemplateFilter(name: "unique", summary: "Removes duplicates; the first of equal items stays.", usage: "unique")
        { value, _ in
            var seen: Set<Value> = []
            return .list(try value.filterList().filter { seen.insert($0).inserted })
        },
        TemplateFilter(
            name: "slice", summary: "A range of the items or characters; negative positions count from the end.",
            usage: "slice(start, end)", arguments: 1...2,
            checkArguments: { for argument in $0 { _ = try argument.map(bound) } }
        ) { value, arguments in
            let bounds = try arguments.map(bound)
            if case .string(let text) = value {
                let characters = Array(text)
                return .string(String(characters[range(bounds, count: characters.count)]))
            }
            let items = try value.filterList()
            return .list(Array(items[range(bounds, count: items.count)]))
        },
        TemplateFilter(name: "keys", summary: "The keys of an object.", usage: "keys") { value, _ in
            .list(try value.filterObject().keys.map { .string($0) })
        },
        TemplateFilter(name: "values", summary: "The values of an object.", usage: "values") { value, _ in
            .list(try value.filterObject().values)
        },
        TemplateFilter(
            name: "items", summary: "The members of an object, each as an object with `key` and `value`.",
            usage: "items"
        ) { value, _ in
            .list(try value.filterObject().map { ["key": .string($0.key), "value": $0.value] })
        },
        TemplateFilter(
            name: "map", summary: "The value of one key of each item.", usage: "map(key)", arguments: 1...1
        ) { value, arguments in
            let key = try arguments[0].filterText()
            return .list(
                try value.filterList().map { item throws(FilterError) in
                    guard let member = item[key] else { throw FilterError("an item has no key \"\(key)\"") }
                    return member
                })
        },
        TemplateFilter(
            name: "where", summary: "The items whose key has the value; without a value, those where it is truthy.",
            usage: "where(key, value)", arguments: 1...2
        ) { value, arguments in
            let key = try arguments[0].filterText()
            return .list(
                try value.filterList().filter { item in
                    arguments.count > 1 ? item[key] == arguments[1] : item[key]?.isTruthy ?? false
                })
        },
    ]

    /// An argument of `slice`.
    @Sendable private static func bound(_ argument: Value) throws(FilterError) -> Int64 {
        guard let number = argument.asInt else { throw FilterError("expected whole numbers as bounds") }
        return number
    }

    private static func range(_ bounds: [Int64], count: Int) -> Range<Int> {
        func position(_ bound: Int64) -> Int {
            Int(max(0, min(Int64(count), bound < 0 ? Int64(count) + max(bound, -Int64(count)) : bound)))
        }
        let start = position(bounds[0])
        return start..<max(start, bounds.count > 1 ? position(bounds[1]) : count)
    }

    private static func sorted(_ items: [Value], by key: (Value) -> Value) throws(FilterError) -> [Value] {
        let keyed = items.map { (key: key($0), item: $0) }
        if keyed.allSatisfy({ $0.key.asDouble != nil }) {
            return keyed.sorted { $0.key.isLess(than: $1.key) ?? false }.map(\.item)
        }
        if keyed.allSatisfy({ $0.key.asString != nil }) {
            return keyed.sorted { ($0.key.asString ?? "") < ($1.key.asString ?? "") }.map(\.item)
        }
        throw FilterError("only numbers or only texts can be sorted")
    }
}
