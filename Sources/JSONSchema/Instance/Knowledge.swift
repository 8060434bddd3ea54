/// How much is known of the value at a path before a pipeline runs.
public enum Knowledge: Sendable {
    /// The value is what it will be. Values inside it are asked about one by one.
    case known
    /// It will be a string whose content is not known: its type is checked, its content is not.
    case someString
    /// Nothing is known of it nor of what is inside: every check passes.
    case unknown
}
