import RunnelKit

/// The column form of a key that a caller chooses. It has no zero byte: text of PostgreSQL cannot hold one, and SQLite's
/// functions for C strings, by which GRDB binds and reads text, end there.
///
/// U+F8FE is an escape character: before `0` it stands for a zero byte, before `1` for itself. Keys are sorted by their
/// columns.
enum StoredKey {
    private typealias Escape = (plain: [Unicode.Scalar], stored: [Unicode.Scalar])

    private static let zero: Escape = (["\0"], ["\u{F8FE}", "0"])
    private static let mark: Escape = (["\u{F8FE}"], ["\u{F8FE}", "1"])

    static func column(_ key: String) -> String {
        // Most keys lack the first byte of the mark, so they need no search.
        guard key.utf8.contains(where: { $0 == 0 || $0 == 0xEF }) else { return key }
        // Replaced by code point: `0` and a combining mark behind it are one `Character`, which is not `0`.
        return String(
            key.unicodeScalars.replacing(mark.plain, with: mark.stored).replacing(zero.plain, with: zero.stored))
    }

    static func key(_ column: String) -> String {
        guard column.utf8.contains(0xEF) else { return column }
        return String(
            column.unicodeScalars.replacing(zero.stored, with: zero.plain).replacing(mark.stored, with: mark.plain))
    }
}

extension StepMemoryChange {
    /// The key that it changes.
    var key: String {
        switch self {
        case .set(let key, _, _), .append(let key, _, _, _), .remove(let key): key
        }
    }
}
