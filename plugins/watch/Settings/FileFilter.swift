internal import RunnelKit

/// Which files of the watched folder count.
struct FileFilter: Sendable {
    /// The watched folder.
    var root: FilePath
    var include: [Glob]
    var exclude: [Glob]
    /// Names of files that are not finished.
    var temporary: [Glob]
    /// Whether names that begin with a dot count.
    var takesHidden: Bool
    /// Folders that the trigger itself moves files into.
    var ownFolders: [FilePath]
    /// What pipelines do not touch.
    var protected = ProtectedPlaces.standard

    /// What the trigger itself makes for a moment.
    static let ownPrefix = ".runnel-"

    func takes(file path: FilePath) -> Bool {
        guard let names = names(path), allows(path, names) else { return false }
        if temporary.contains(where: { $0.matches(names) }) { return false }
        return include.isEmpty || include.contains { $0.matches(names) }
    }

    /// Whether files below the folder can count.
    func enters(folder path: FilePath) -> Bool {
        guard path != root else { return true }
        guard let names = names(path) else { return false }
        return allows(path, names)
    }

    private func allows(_ path: FilePath, _ names: [[Unicode.Scalar]]) -> Bool {
        guard let name = names.last else { return false }
        if name.starts(with: Self.ownPrefix.unicodeScalars) { return false }
        if !takesHidden, name.first == "." { return false }
        if ownFolders.contains(where: path.isWithin) || protected.place(of: path.parts) != nil { return false }
        return !exclude.contains { $0.matches(names) }
    }

    private func names(_ path: FilePath) -> [[Unicode.Scalar]]? {
        path.relative(to: root)?.parts.map { Array($0.unicodeScalars) }
    }
}
