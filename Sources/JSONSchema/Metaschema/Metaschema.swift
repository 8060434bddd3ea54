import RunnelKit

/// The published metaschemas that are at hand.
enum Metaschema {
    /// The document at `uri`; nil when it is not here.
    static func document(_ uri: String) -> Value? {
        // The text is our own and tested to be JSON; were it not, the reference would be unresolved.
        MetaschemaText.documents[uri].flatMap { try? Value.json($0) }
    }
}
