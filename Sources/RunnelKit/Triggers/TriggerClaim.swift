/// What a trigger takes for itself. The pipelines that are served together are checked for claims that exclude each other.
@nonexhaustive public enum TriggerClaim: Sendable {
    /// The path of an ``IngressRoute``. Only one trigger can have it.
    case route(String)
    /// Files of a folder.
    case files(FileClaim)
}

/// The files that a trigger waits for.
public struct FileClaim: Sendable {
    /// The folder, relative to the project's; `.` is the project's folder.
    public var folder: String
    /// The patterns that a file's name must match; every name when empty.
    public var include: [Glob]
    /// Whether a file is moved or deleted after its run, so that no other trigger finds it.
    public var consumes: Bool
    /// Whether a file at this path, relative to the project's folder, would start a run.
    public var takes: @Sendable (_ path: String) -> Bool
    /// Whether files of this folder, relative to the project's, could start a run.
    public var covers: @Sendable (_ folder: String) -> Bool

    /// A claim; see the properties.
    public init(
        folder: String, include: [Glob], consumes: Bool, takes: @escaping @Sendable (_ path: String) -> Bool,
        covers: @escaping @Sendable (_ folder: String) -> Bool
    ) {
        self.folder = folder
        self.include = include
        self.consumes = consumes
        self.takes = takes
        self.covers = covers
    }

    /// Whether one file could belong to both claims.
    public func overlaps(_ other: FileClaim) -> Bool {
        guard covers(other.folder) || other.covers(folder) else { return false }
        return include.isEmpty || other.include.isEmpty
            || include.contains { pattern in other.include.contains { pattern.overlaps($0) } }
    }
}
