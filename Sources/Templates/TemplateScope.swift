public import RunnelKit

/// The names that a template can use.
public protocol TemplateScope: Sendable {
    /// The value behind a name; nil when there is no such name.
    func value(named name: String) -> Value?
    /// All names, for suggestions.
    var knownNames: [String] { get }
    /// Nanoseconds since 1970, for `now()`. It stands still while a template renders.
    var now: Int64 { get }
}

/// A scope that is a dictionary.
public struct DictionaryScope: TemplateScope {
    public var values: ValueObject
    public var now: Int64

    public init(_ values: ValueObject, now: Int64 = 0) {
        self.values = values
        self.now = now
    }

    public func value(named name: String) -> Value? { values[name] }
    public var knownNames: [String] { values.keys }
}
