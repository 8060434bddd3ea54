/// Where a project's relative paths begin.
public struct ProjectDirectory: Sendable, Hashable {
    /// Absolute, without a slash at the end.
    public let path: String
    /// Files that were named on the command line, which may be read wherever they are. Absolute.
    public let grantedFiles: Set<String>

    public init(path: String, grantedFiles: Set<String> = []) {
        self.path = path
        self.grantedFiles = grantedFiles
    }
}
