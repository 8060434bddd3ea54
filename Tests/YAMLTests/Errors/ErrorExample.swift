import Testing

/// A text that must be refused, and what its author sees.
struct ErrorExample: Sendable, CustomTestStringConvertible {
    let text: String
    let shows: String

    init(_ text: String, shows: String) {
        self.text = text
        self.shows = shows
    }

    var testDescription: String { text.debugDescription }
}
