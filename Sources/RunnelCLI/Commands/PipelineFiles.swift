/// Finds the pipelines in a folder.
enum PipelineFiles {
    /// The file itself, or every pipeline file below a folder. Throws where there is none.
    static func under(_ path: String) throws(FileReading.Failure) -> [String] {
        var isDirectory = false
        guard FileReading.exists(path, isDirectory: &isDirectory) else {
            throw FileReading.Failure(message: "there is no file or folder \"\(path)\"")
        }
        guard isDirectory else { return [path] }
        let files = try PipelineFolder(path).files()
        guard !files.isEmpty else { throw FileReading.Failure(message: "there is no pipeline (.yaml) in \"\(path)\"") }
        return files
    }
}
