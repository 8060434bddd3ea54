internal import RunnelSupport
internal import Synchronization

/// What a JSON schema says of the values at one place: all its parts that may apply there, with references followed.
///
/// For marks such as `"format": "project-path"` and `"writeOnly": true`. They count in every alternative and condition,
/// and those below `patternProperties` and `contains` for every key and item.
package struct SchemaPlace: Sendable {
    package let parts: [ValueObject]
    private let root: Value
    private let depth: Int
    private let known = Known()

    /// Deeper places are not kept: a schema that refers to itself has no end.
    private static let keptDepth = 8

    /// What was computed of a place. It is kept, because every pipeline with the same step asks for it.
    private final class Known: Sendable {
        struct State {
            /// nil stands for all keys that the schema does not name.
            var byKey: [String?: SchemaPlace?] = [:]
            var byIndex: [Int: SchemaPlace?] = [:]
            var secretKeys: [String]?
            var formats: [String: Bool] = [:]
        }

        private let state = Mutex(State())

        /// Computes outside of the lock: a schema may refer to itself.
        func value<Result: Sendable>(
            _ read: (inout State) -> Result?, _ write: (inout State, Result) -> Void, compute: () -> Result
        ) -> Result {
            if let known = state.withLock({ read(&$0) }) { return known }
            let computed = compute()
            state.withLock { write(&$0, computed) }
            return computed
        }
    }

    /// A place inside of this one.
    private func member(
        _ read: (inout Known.State) -> SchemaPlace??, _ write: (inout Known.State, SchemaPlace?) -> Void,
        _ schemas: (ValueObject) -> [Value]
    ) -> SchemaPlace? {
        func compute() -> SchemaPlace? {
            let place = SchemaPlace(parts.flatMap(schemas), root: root, depth: depth + 1)
            return place.parts.isEmpty ? nil : place
        }
        return depth < Self.keptDepth ? known.value(read, write, compute: compute) : compute()
    }

    package init(_ schema: Value) {
        self.init([schema], root: schema, depth: 0)
    }

    private init(_ schemas: [Value], root: Value, depth: Int) {
        (self.root, self.depth) = (root, depth)
        var open = schemas
        var references: Set<String> = []
        var parts: [ValueObject] = []
        while let schema = open.popLast() {
            guard let part = schema.asObject else { continue }
            parts.append(part)
            if let reference = part["$ref"]?.asString, references.insert(reference).inserted {
                open += Self.target(of: reference, in: root).map { [$0] } ?? []
            }
            for key in ["allOf", "anyOf", "oneOf"] { open += part[key]?.asList ?? [] }
            open += ["if", "then", "else"].compactMap { part[$0] }
            for key in ["dependentSchemas", "dependencies"] { open += part[key]?.asObject?.values ?? [] }
        }
        self.parts = parts
    }

    /// The keys that the schema names.
    package var keys: [String] {
        var seen: Set<String> = []
        return parts.flatMap { $0["properties"]?.asObject?.keys ?? [] }.filter { seen.insert($0).inserted }
    }

    /// Whether a key is named, or keys that are not named have a schema which accepts some value.
    package func accepts(_ key: String) -> Bool {
        parts.contains { part in
            part["properties"]?[key] != nil || part["patternProperties"] != nil
                || Self.others.contains { part[$0].map { $0 != false } ?? false }
        }
    }

    /// The keys that the schema names, and whose values are secrets.
    package var secretKeys: [String] {
        known.value({ $0.secretKeys }, { $0.secretKeys = $1 }) { keys.filter { self[$0]?.isSecret ?? false } }
    }

    /// The value of a key; nil where the schema says nothing of it.
    package subscript(key: String) -> SchemaPlace? {
        let name = parts.contains { $0["properties"]?[key] != nil } ? key : nil
        return member({ $0.byKey[name] }, { $0.byKey[name] = $1 }) { part in
            let named = name.flatMap { part["properties"]?[$0] }
            let patterns = part["patternProperties"]?.asObject?.values ?? []
            return [named].compactMap(\.self) + patterns + (named == nil ? Self.others.compactMap { part[$0] } : [])
        }
    }

    /// An item of a list; nil where the schema says nothing of it.
    package subscript(index: Int) -> SchemaPlace? {
        // Those behind the longest list are alike.
        let index = min(index, longestList)
        return member({ $0.byIndex[index] }, { $0.byIndex[index] = $1 }) { part in
            Self.lists(part).compactMap { $0.indices.contains(index) ? $0[index] : nil }
                + Self.items.compactMap { part[$0] }
        }
    }

    private var longestList: Int { parts.flatMap(Self.lists).map(\.count).max() ?? 0 }

    /// The schemas that hold for one item each.
    private static func lists(_ part: ValueObject) -> [[Value]] {
        ["prefixItems", "items"].compactMap { part[$0]?.asList }
    }

    private static let others = ["additionalProperties", "unevaluatedProperties"]
    private static let items = ["items", "additionalItems", "unevaluatedItems", "contains"]

    /// Whether the value is a secret: `"writeOnly": true`.
    package var isSecret: Bool { parts.contains { $0["writeOnly"] == true } }

    /// Whether the value is a secret, or a ``SensitiveValue``.
    package var isSensitive: Bool { isSecret || parts.contains { SensitiveValue.isSchema(.object($0)) } }

    /// Whether the value has the format.
    package func has(format: String) -> Bool { parts.contains { $0["format"]?.asString == format } }

    /// Whether this place or one inside of it has the format. True for a schema with too many places to tell.
    package func contains(format: String) -> Bool {
        known.value({ $0.formats[format] }, { $0.formats[format] = $1 }) {
            var seen: Set<[ValueObject]> = [parts]
            var open = [self]
            while let place = open.popLast() {
                if place.has(format: format) || seen.count > 10_000 { return true }
                open += place.inner.filter { seen.insert($0.parts).inserted }
            }
            return false
        }
    }

    /// All that can be inside of the value.
    private var inner: [SchemaPlace] {
        // The empty key stands for all that are not named.
        (keys + [""]).compactMap { self[$0] } + (0...longestList).compactMap { self[$0] }
    }

    /// nil for a reference that is not written as `#` or `#/…`; see ``problem(in:)``.
    private static func target(of reference: String, in root: Value) -> Value? {
        pointer(of: reference)?.value(in: root)
    }

    private static func pointer(of reference: String) -> JSONPointer? {
        guard reference.hasPrefix("#"), let fragment = PercentDecoding.text(reference.dropFirst()) else { return nil }
        return JSONPointer(fragment)
    }
}

extension SchemaPlace {
    private static let formats: Set = [
        ProjectPath.format, ScriptText.format, ScriptVariables.format, SettingsFile.format,
    ]
    private static let maps: Set = [
        "properties", "patternProperties", "dependentSchemas", "dependencies", "$defs", "definitions",
    ]
    private static let data: Set = ["default", "const", "enum", "examples"]

    /// Why marks in the schema may have no effect, at the cause; nil if all of them have.
    package static func problem(in schema: Value) -> FieldError? {
        guard let mark = mark(in: schema) else { return nil }
        return problem(in: schema, beside: mark, isRoot: true)
    }

    private static func problem(in schema: Value, beside mark: String, isRoot: Bool) -> FieldError? {
        for (key, value) in schema.asObject ?? [:] where !data.contains(key) {
            let inner: FieldError?
            switch key {
            case "$ref":
                let reference = value.asString ?? ""
                let isKnown = pointer(of: reference) != nil || reference.hasPrefix("https://json-schema.org/")
                inner = isKnown ? nil : unseen(mark)
            case "$dynamicRef", "$recursiveRef": inner = unseen(mark)
            case "$id" where !isRoot, "id" where !isRoot && value.asString != nil: inner = unseen(mark)
            case "not", "propertyNames", "contentSchema": inner = self.mark(in: value).map(unseen)
            default:
                let problems = members(of: value, key).lazy.compactMap { element, member in
                    let problem = problem(in: member, beside: mark, isRoot: false)
                    return element.map { problem?.under($0) } ?? problem
                }
                inner = problems.first
            }
            if let inner { return inner.under(.key(key)) }
        }
        return nil
    }

    private static func unseen(_ mark: String) -> FieldError {
        FieldError(
            "`\(mark)` has no effect behind this",
            hint: "write it below `properties`, `items` or an alternative, or behind a `$ref` such as \"#/$defs/Path\"")
    }

    /// The first mark in the schema: `format: script`.
    private static func mark(in schema: Value) -> String? {
        guard let object = schema.asObject else { return nil }
        if object["writeOnly"] == true { return "writeOnly" }
        if let format = object["format"]?.asString, formats.contains(format) { return "format: \(format)" }
        return object.lazy.filter { !data.contains($0.key) }.flatMap { members(of: $0.value, $0.key) }
            .compactMap { mark(in: $0.schema) }.first
    }

    /// The schemas in the value of a keyword.
    private static func members(
        of value: Value, _ keyword: String
    ) -> [(element: FieldError.PathElement?, schema: Value)] {
        if let items = value.asList { return items.enumerated().map { (.index($0.offset), $0.element) } }
        if maps.contains(keyword) { return (value.asObject ?? [:]).map { (.key($0.key), $0.value) } }
        return [(nil, value)]
    }
}
