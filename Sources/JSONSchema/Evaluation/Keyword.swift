/// One keyword of a compiled schema, ready to check values.
protocol Keyword: Sendable {
    /// Checks `instance`, adding an issue to `run` for what is wrong.
    func evaluate(_ instance: Instance, _ run: inout Evaluation) -> Verdict

    /// Schemas that always apply to the very same value: where a loop would never end.
    var alwaysInPlace: [NodeID] { get }
    /// Schemas that may apply to the very same value.
    var inPlace: [NodeID] { get }
    /// The names of keys that the keyword gives a meaning, for suggestions.
    var declaredKeys: [String] { get }
}

extension Keyword {
    var alwaysInPlace: [NodeID] { [] }
    var inPlace: [NodeID] { alwaysInPlace }
    var declaredKeys: [String] { [] }
}
