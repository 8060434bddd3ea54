import PipelineTesting
import RunnelEngine

/// Finds the pipelines in a folder.
enum PipelineFiles {
    /// Every pipeline file below a folder, or the file that ``LoadedPipeline/path(_:in:)`` finds. Throws where there is
    /// none.
    static func under(_ name: String, in project: String?) throws(FileReading.Failure) -> FolderListing.Found {
        let path = FileReading.exists(name) && name != "-" ? name : LoadedPipeline.path(name, in: project)
        guard FileReading.exists(path) else { throw missing(name, in: project) }
        guard FileReading.isFolder(path) else {
            try refuseOthers(path)
            return FolderListing.Found(files: [path])
        }
        let found = try PipelineFolder(path).look()
        guard !found.files.isEmpty || !found.unreadable.isEmpty else {
            throw FileReading.Failure(message: "there is no pipeline (.yaml) in \"\(path)\"")
        }
        return found
    }

    /// The error for a name that is no file, folder or pipeline, with a suggestion; or the reason why it cannot be reached.
    static func missing(_ name: String, in project: String?) -> FileReading.Failure {
        FileReading.unreachable(name)
            ?? FileReading.Failure(
                message: "there is no file, folder or pipeline \"\(name)\"\n  = "
                    + LoadedPipeline.hint(name, in: [project]))
    }

    /// The pipelines of a command that was given no path. Throws where there is none.
    static func usual(in directory: String) throws(FileReading.Failure) -> FolderListing.Found {
        let folder = PipelineFolder.usual(in: directory)
        let found = try PipelineFolder(searching: folder).look()
        guard !found.files.isEmpty || !found.unreadable.isEmpty else {
            throw FileReading.Failure(message: "there is no pipeline (.yaml) \(PipelineFolder.searched(folder))")
        }
        return found
    }

    /// Throws for a file of a project that is not a pipeline.
    static func refuseOthers(_ path: String) throws(FileReading.Failure) {
        let name = path.split(separator: "/").last.map(String.init) ?? path
        if PipelineTestFiles.isTestFile(name) {
            throw FileReading.Failure(
                message: "\"\(path)\" is a test, not a pipeline; run it with `runnel test \(path)`")
        }
        if name == "runnel.yaml" {
            throw FileReading.Failure(
                message: "\"\(path)\" is the configuration, not a pipeline; check it with `runnel doctor`")
        }
        if name == "plugin.yaml" {
            throw FileReading.Failure(
                message: "\"\(path)\" is a plugin's manifest, not a pipeline; check it with `runnel plugins`")
        }
    }
}
