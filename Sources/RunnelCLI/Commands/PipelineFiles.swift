import PipelineTesting

/// Finds the pipelines in a folder.
enum PipelineFiles {
    /// The file itself, or every pipeline file below a folder. Throws where there is none.
    static func under(_ path: String) throws(FileReading.Failure) -> [String] {
        var isDirectory = false
        guard FileReading.exists(path, isDirectory: &isDirectory) else {
            throw FileReading.Failure(message: "there is no file or folder \"\(path)\"")
        }
        guard isDirectory else {
            try refuseOthers(path)
            return [path]
        }
        let files = try PipelineFolder(path).files()
        guard !files.isEmpty else { throw FileReading.Failure(message: "there is no pipeline (.yaml) in \"\(path)\"") }
        return files
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
