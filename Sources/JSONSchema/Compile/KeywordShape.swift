import RunnelKit

/// Where a keyword's value holds schemas.
enum KeywordShape: Sendable {
    case none
    /// The value is a schema.
    case schema
    /// A list of schemas.
    case list
    /// An object whose values are schemas.
    case map
    /// A schema, or a list of them in older drafts.
    case schemaOrList
    /// An object whose values are schemas or something else.
    case looseMap
}

extension KeywordShape {
    /// The schemas in the value of a keyword of this shape, with the way to each.
    func schemas(in value: Value) -> [(tokens: [String], schema: Value)] {
        func isSchema(_ value: Value) -> Bool { value.asObject != nil || value.asBool != nil }
        switch (self, value) {
        case (.schema, _), (.schemaOrList, .object), (.schemaOrList, .bool): return isSchema(value) ? [([], value)] : []
        case (.list, .list(let items)), (.schemaOrList, .list(let items)):
            return items.enumerated().filter { isSchema($1) }.map { ([String($0)], $1) }
        case (.map, .object(let members)), (.looseMap, .object(let members)):
            return members.filter { isSchema($0.value) }.map { ([$0.key], $0.value) }
        default: return []
        }
    }
}
