import PipelineTesting
import RunnelEngine

/// The pipeline files below a folder: every `.yaml` and `.yml` that is no configuration, manifest or test.
struct PipelineFolder: Sendable {
    private let path: String
    private let listing: FolderListing

    init(_ path: String) {
        self.path = path
        listing = FolderListing(path, where: Self.isPipeline)
    }

    /// The files that there are now; see ``FolderListing/files()``. Throws when the folder itself cannot be listed.
    func files() throws(FileReading.Failure) -> [String] {
        let files = listing.files()
        guard FileReading.exists(path) else { throw FileReading.Failure(message: "there is no folder \"\(path)\"") }
        guard let files else {
            throw FileReading.Failure(message: "the folder \"\(path)\" cannot be read; check its permissions")
        }
        return files
    }

    private static func isPipeline(_ name: String) -> Bool {
        (name.hasSuffix(".yaml") || name.hasSuffix(".yml")) && name != "runnel.yaml" && name != "plugin.yaml"
            && !PipelineTestFiles.isTestFile(name)
    }
}
