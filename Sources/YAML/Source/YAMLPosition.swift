/// A place in a text, as editors show it.
public struct YAMLPosition: Hashable, Sendable, Comparable {
    /// The line, from 1. Lines end with LF, CR LF or CR.
    public var line: Int
    /// The column, from 1, counted in Unicode scalars.
    public var column: Int

    /// A place by its line and column, both from 1.
    public init(line: Int, column: Int) {
        self.line = line
        self.column = column
    }

    /// Whether one place comes before another in the text.
    public static func < (left: YAMLPosition, right: YAMLPosition) -> Bool {
        (left.line, left.column) < (right.line, right.column)
    }
}

/// A stretch of a text.
public struct YAMLRange: Hashable, Sendable {
    /// Its first character.
    public var start: YAMLPosition
    /// The place after its last character.
    public var end: YAMLPosition

    /// From `start` up to, and without, `end`.
    public init(start: YAMLPosition, end: YAMLPosition) {
        self.start = start
        self.end = end
    }

    /// The empty range at a place.
    public init(at position: YAMLPosition) {
        self.init(start: position, end: position)
    }
}
