import YAML

/// The names of pipelines, without checking whether they are valid.
enum PipelineNames {
    /// The pipelines below a folder, with the names that they give themselves, or those of their files.
    static func below(_ folder: String) -> [(name: String, file: String)] {
        ((try? PipelineFolder(folder).files()) ?? []).map { file in
            let stem = file.split(separator: "/").last.map {
                $0.split(separator: ".").dropLast().joined(separator: ".")
            }
            let root = (try? FileReading.yaml(of: file)).flatMap { try? YAMLParser.parse($0, name: file).root }
            return (root?["name"]?.asString ?? stem ?? file, FileReading.shown(FileReading.absolute(file)))
        }
    }
}
