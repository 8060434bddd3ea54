/// A code that Runnel gives a failure or a mistake, and what it says.
public struct ErrorEntry: Sendable, Hashable {
    /// Stable and in kebab case: `file-not-found`.
    public let code: String
    /// The part of Runnel that gives it: "Steps: file".
    public let part: String
    /// What is said, with `…` for what differs from case to case; empty where others' words are passed on.
    public let sentences: [String]
    /// What is said to do about it.
    public let hints: [String]

    /// An entry of the catalogue.
    public init(_ code: String, part: String, sentences: [String], hints: [String] = []) {
        self.code = code
        self.part = part
        self.sentences = sentences
        self.hints = hints
    }
}
