import RunnelKit
import YAML

/// What a value has to be like, with the place where a test says so. All rules have to hold.
struct Matcher: Sendable {
    indirect enum Rule: Sendable {
        /// The very same value.
        case equals(Value)
        /// All of these texts stand somewhere in it.
        case contains([String])
        /// The regular expression is found in it.
        case matches(String)
        /// It is JSON, or data, that holds at least this.
        case json(Subset)
    }

    /// Data of which only a part is said.
    indirect enum Subset: Sendable {
        case value(Value)
        /// Other keys may be there too.
        case object([(key: String, value: Subset)])
        /// As many items, each like this.
        case list([Subset])
        case matcher(Matcher)
    }

    static let keys = ["equals", "contains", "matches", "json"]

    var rules: [Rule]
    var node: YAMLNode
}
