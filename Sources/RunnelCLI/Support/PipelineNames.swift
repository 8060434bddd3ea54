import RunnelEngine
import RunnelKit
import YAML

/// The names of pipelines, without checking whether they are valid.
enum PipelineNames {
    /// The pipelines that ``PipelineFolder/init(searching:)`` finds, with the names that they give themselves, or those of
    /// their files.
    static func below(_ folder: String) -> [(name: String, file: String)] {
        ((try? PipelineFolder(searching: folder).files()) ?? []).map { file in
            let stem = file.split(separator: "/").last.map {
                $0.split(separator: ".").dropLast().joined(separator: ".")
            }
            let root = (try? FileReading.yaml(of: file)).flatMap { try? YAMLParser.parse($0, name: file).root }
            return (root?["name"]?.asString ?? stem ?? file, FileReading.shown(FileReading.absolute(file)))
        }
    }

    /// Ends the command if no pipeline of the project or its runs has this name.
    static func check(_ pipeline: String, in journal: any Journal, _ project: Project) async throws {
        let known =
            try await journal.runs(RunFilter(limit: 1000)).map(\.pipeline) + below(project.directory).map(\.name)
        guard !known.contains(pipeline) else { return }
        let closest = Suggestion.closest(to: pipeline, among: known)
        let names = Set(known).sorted().prefix(8).joined(separator: ", ")
        let hint = closest.map { "did you mean \"\($0)\"?" } ?? "the pipelines are \(names)"
        Streams.error.write("error: there is no pipeline \"\(pipeline)\"\n" + (known.isEmpty ? "" : "  = \(hint)\n"))
        throw ExitStatus.usage
    }
}
