internal import RunnelKit

/// The method of a request, in upper or lower case.
enum RequestMethod: String, FieldValue, CaseIterable {
    case get = "GET"
    case head = "HEAD"
    case post = "POST"
    case put = "PUT"
    case patch = "PATCH"
    case delete = "DELETE"
    case options = "OPTIONS"

    static var schema: Value {
        ["enum": .list(allCases.flatMap { [.string($0.rawValue), .string($0.rawValue.lowercased())] })]
    }

    init(field value: Value) throws(FieldError) {
        guard let word = value.asString, let method = Self(rawValue: word.uppercased()) else {
            throw .expected("one of \(Self.allCases.map(\.rawValue).joined(separator: ", "))", found: value)
        }
        self = method
    }

    var fieldDefault: Value? { .string(rawValue) }
}
