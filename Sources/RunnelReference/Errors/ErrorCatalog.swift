/// All error codes of Runnel by part. A code is listed once for each part.
public enum ErrorCatalog {
    /// Sorted by part, then by code.
    public static var all: [ErrorEntry] { parts.flatMap(\.self) }

    /// The entries of a code; empty if it is unknown, such as a plugin's own.
    public static func entries(for code: String) -> [ErrorEntry] { all.filter { $0.code == code } }
}

/// An error code with its messages.
public struct ErrorEntry: Sendable, Hashable {
    /// Stable and in kebab case: `file-not-found`.
    public let code: String
    /// The part of Runnel that reports it: "Steps: file".
    public let part: String
    /// The messages, with `…` for variable parts; empty if the message comes from elsewhere.
    public let sentences: [String]
    /// The hints.
    public let hints: [String]

    /// Creates an entry of the catalogue.
    public init(_ code: String, part: String, sentences: [String], hints: [String] = []) {
        self.code = code
        self.part = part
        self.sentences = sentences
        self.hints = hints
    }
}
