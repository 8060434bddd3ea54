/// Every code that Runnel gives, by the part that gives it. A code stands once for each part.
public enum ErrorCatalog {
    /// Sorted by part, then by code.
    public static var all: [ErrorEntry] { parts.flatMap(\.self) }

    /// What there is to say about a code; empty for one that is not known, such as a plugin's own.
    public static func entries(for code: String) -> [ErrorEntry] { all.filter { $0.code == code } }
}
