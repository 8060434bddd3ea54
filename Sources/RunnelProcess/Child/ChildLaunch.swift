/// A program that is ready to be started: everything found and decided.
struct ChildLaunch: Sendable, Hashable {
    /// Absolute.
    var program: String
    /// Without the program's own name, which comes first by itself.
    var arguments: [String]
    /// All that the child sees.
    var environment: [String: String]
    /// Absolute.
    var directory: String
}
