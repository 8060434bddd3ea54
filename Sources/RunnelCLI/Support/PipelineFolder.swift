import PipelineTesting
import RunnelEngine

/// The pipeline files below a folder: every `.yaml` and `.yml` file except configuration, manifests and tests.
struct PipelineFolder: Sendable {
    private let path: String
    private let listing: FolderListing

    init(_ path: String) {
        self.path = path
        listing = FolderListing(path, where: Self.isPipeline)
    }

    /// What a command searches that was given no folder: everything in a project. Elsewhere, such as in a home folder, that
    /// may be a whole disk, so only the folder itself and its `pipelines`.
    init(searching path: String) {
        self.path = path
        listing = FolderListing(
            path, entering: Project.isProject(path) ? nil : [Self.usualFolder], where: Self.isPipeline)
    }

    private static let usualFolder = "pipelines"

    /// What ``init(searching:)`` looks at, for the end of a sentence.
    static func searched(_ path: String) -> String {
        let folder = FileReading.absolute(path)
        return Project.isProject(path)
            ? "below \(folder)"
            : "in \(folder) and its `\(usualFolder)`; other folders are searched only below a runnel.yaml"
    }

    /// The current files; see ``FolderListing/files()``. Throws if the folder itself cannot be listed.
    func files() throws(FileReading.Failure) -> [String] {
        let files = listing.files()
        guard FileReading.exists(path) else { throw FileReading.Failure(message: "there is no folder \"\(path)\"") }
        guard let files else {
            throw FileReading.Failure(
                message: "cannot read the folder \"\(path)\"; let the user who runs Runnel read and enter it")
        }
        return files
    }

    /// The files with what they hold; nil for one that cannot be read.
    func contents() throws(FileReading.Failure) -> [(file: String, bytes: [UInt8]?)] {
        try files().compactMap { file in
            if let bytes = try? FileReading.yaml(of: file) { return (file, bytes) }
            // One that has gone since is not there.
            return FileReading.exists(file) ? (file, nil) : nil
        }
    }

    private static func isPipeline(_ name: String) -> Bool {
        (name.hasSuffix(".yaml") || name.hasSuffix(".yml")) && name != "runnel.yaml" && name != "plugin.yaml"
            && !PipelineTestFiles.isTestFile(name)
    }
}
