import PipelineTesting
import RunnelEngine
import RunnelKit
import Synchronization

/// The pipeline files below a folder: every `.yaml` and `.yml` file except configuration, manifests and tests. What
/// ``FolderListing`` skips is left out.
struct PipelineFolder: Sendable {
    private let path: String
    private let listing: FolderListing
    private let known = KnownContents()

    init(_ path: String) {
        self.path = path
        listing = FolderListing(path, where: Self.isPipeline)
    }

    /// A folder that was not typed. Outside of a project, such as in a home folder, it may hold a whole disk, so only the
    /// folder itself and its `pipelines` are searched.
    init(searching path: String) {
        self.path = path
        listing = FolderListing(path, entering: Self.entered(path), where: Self.isPipeline)
    }

    private static let usualFolder = "pipelines"

    /// What a command works on that was given no folder: the `pipelines` of a project, if it has that folder.
    static func usual(in path: String) -> String {
        let usual = path == "." ? usualFolder : path.hasSuffix("/") ? path + usualFolder : "\(path)/\(usualFolder)"
        let isUsed =
            FileReading.isFolder(usual) && Project.isProject(path) && !FileReading.exists(usual + "/runnel.yaml")
        return isUsed ? usual : path
    }

    /// The names of the folders in a folder that was not typed that are searched; nil for all.
    static func entered(_ path: String) -> Set<String>? { Project.isProject(path) ? nil : [usualFolder] }

    /// What ``init(searching:)`` looks at, for the end of a sentence.
    static func searched(_ path: String) -> String {
        let folder = FileReading.absolute(path)
        return Project.isProject(path)
            ? "below \(folder)"
            : "in \(folder) and its `\(usualFolder)`; other folders are searched only below a runnel.yaml"
    }

    /// What is below the folder now; see ``FolderListing/look()``. Throws if the folder itself cannot be listed.
    func look() throws(FileReading.Failure) -> FolderListing.Found {
        let found = listing.look()
        try FileReading.checkFolder(path)
        guard let found else { throw Self.unreadable(path) }
        return found
    }

    /// The current files.
    func files() throws(FileReading.Failure) -> [String] { try look().files }

    /// The files with what they hold; nil for one that cannot be read, and for a folder that cannot be listed. A file that
    /// has not changed is not read again.
    func contents() throws(FileReading.Failure) -> [(file: String, bytes: [UInt8]?)] {
        let found = try look()
        let folders: [(file: String, bytes: [UInt8]?)] = found.unreadable.map { ($0, nil) }
        return known.update(found) + folders
    }

    /// The error for a folder that cannot be listed.
    static func unreadable(_ folder: String) -> FileReading.Failure {
        let name = folder.count > 1 && folder.hasSuffix("/") ? String(folder.dropLast()) : folder
        return FileReading.Failure(
            message: "cannot read the folder \"\(name)\"; let the user who runs Runnel read and enter it")
    }

    /// What is wrong with a file or folder of ``contents()`` that cannot be read; nil if it can be by now.
    static func problem(with path: String) -> String? {
        if path.hasSuffix("/") { return unreadable(path).message }
        do throws(FileReading.Failure) {
            _ = try FileReading.yaml(of: path)
            return nil
        } catch {
            return error.message
        }
    }

    private static func isPipeline(_ name: String) -> Bool {
        name.isYAMLFileName && !["runnel.yaml", "plugin.yaml"].contains(name)
            && !PipelineTestFiles.isTestFile(name)
    }
}

/// What files held when they were last read.
private final class KnownContents: Sendable {
    private struct Entry {
        let version: FileVersion
        let bytes: [UInt8]
    }

    private let entries = Mutex<[String: Entry]>([:])

    /// The contents of the files; those of others are forgotten. What cannot be reached any more in a folder that cannot be
    /// read stays as it was.
    func update(_ found: FolderListing.Found) -> [(file: String, bytes: [UInt8]?)] {
        entries.withLock { entries in
            var kept: [String: Entry] = [:]
            let contents = found.files.compactMap { file -> (file: String, bytes: [UInt8]?)? in
                let version = FileVersion(file)
                let isHidden = version == nil && found.unreadable.contains(where: file.hasPrefix)
                if let entry = entries[file], entry.version == version || isHidden {
                    kept[file] = entry
                    return (file, entry.bytes)
                }
                guard let bytes = try? FileReading.yaml(of: file) else {
                    // One that has gone since is not there.
                    return isHidden || file.hasReplacedBytes || FileReading.exists(file)
                        || FileReading.leadsNowhere(file) ? (file, nil) : nil
                }
                if let version, version.isSettled { kept[file] = Entry(version: version, bytes: bytes) }
                return (file, bytes)
            }
            entries = kept
            return contents
        }
    }
}

/// The names of pipelines, without checking whether they are valid.
enum PipelineNames {
    /// The pipelines that ``PipelineFolder/init(searching:)`` finds, with the names that they give themselves, or those of
    /// their files.
    static func below(_ folder: String) -> [(name: String, file: String)] {
        ((try? PipelineFolder(searching: folder).files()) ?? []).map { file in
            let name = Pipeline.name(in: (try? FileReading.yaml(of: file)) ?? [], file: file)
            return (name, FileReading.shown(FileReading.absolute(file)))
        }
    }

    /// The first unreadable folder at or below the folder; nil if there is none.
    static func unreadable(below folder: String) -> String? {
        (try? PipelineFolder(searching: folder).look())?.unreadable.first
    }

    /// Ends the command if no pipeline of the project or its runs has this name.
    static func check(_ pipeline: String, in journal: any Journal, _ project: Project) async throws {
        let known =
            try await journal.runs(RunFilter(limit: 1000)).map(\.pipeline) + below(project.directory).map(\.name)
        guard !known.contains(pipeline) else { return }
        throw ExitStatus.usage.reporting(
            "there is no pipeline \"\(pipeline)\"", hint: PipelineCatalog.hint(for: pipeline, among: known))
    }
}
