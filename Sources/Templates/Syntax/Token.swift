import RunnelKit

/// A word of the expression language.
struct Token: Sendable, Hashable {
    enum Kind: Sendable, Hashable {
        case name(String)
        case literal(Value)
        /// An operator or bracket, as it is written.
        case symbol(String)
        case end
    }

    let kind: Kind
    let range: Range<Int>

    /// As it is quoted in messages.
    func quoted(in text: [UInt8]) -> String {
        kind == .end ? "the end of the expression" : "`\(String(decoding: text[range], as: UTF8.self))`"
    }
}
