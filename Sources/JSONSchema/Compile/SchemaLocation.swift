/// A place in one of the documents that schemas come from.
struct SchemaLocation: Hashable {
    /// The number of the document; 0 is the schema itself.
    var document: Int
    /// The JSON pointer's tokens.
    var tokens: [String]

    func appending(_ more: String...) -> SchemaLocation {
        SchemaLocation(document: document, tokens: tokens + more)
    }
}
