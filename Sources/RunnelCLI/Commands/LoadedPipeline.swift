import RunnelEngine
import RunnelKit
import YAML

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// A pipeline named on the command line, loaded and validated, with its project.
struct LoadedPipeline: Sendable {
    let pipeline: Pipeline
    let project: Project
    let loader: PipelineLoader

    /// Prints diagnostics, and exits the command if there are errors.
    ///
    /// - Parameter startsServers: False for read-only commands: they start no process, and follow no link out of the
    ///   project.
    init(_ name: String, config: String?, startsServers: Bool = false) async throws {
        do {
            let path = Self.path(name)
            guard FileReading.exists(path) else {
                throw FileReading.Failure(message: "there is no pipeline \"\(name)\"\n  = " + Self.hint(name))
            }
            let bytes = try FileReading.yaml(of: path)
            let folder = FileReading.folder(of: FileReading.absolute(path))
            let found = try Project.find(from: folder, config: config, environment: ProcessInfo.processInfo.environment)
            switch found {
            case .failure(let invalid):
                DiagnosticOutput.write([invalid.report], format: .text)
                throw ExitStatus.usage
            case .success(let project): self.project = project
            }
            if !startsServers, FileReading.leads(out: project.directory, path) {
                throw FileReading.Failure(message: OutsideLink.message(path) + "\n  = " + OutsideLink.hint)
            }
            loader = try await project.loader(startsServers: startsServers)
            let (pipeline, report) = loader.load(bytes, file: path)
            DiagnosticOutput.write([project.report, report], format: .text, redactor: project.redactor)
            guard let pipeline else { throw ExitStatus.usage }
            self.pipeline = pipeline
        } catch let error as FileReading.Failure {
            Streams.error.write("error: \(error.message)\n")
            throw ExitStatus.usage
        }
    }

    /// The path with an omitted `.yaml` extension added.
    static func path(_ name: String) -> String {
        let file = [name, name + ".yaml", name + ".yml"].first { candidate in
            var isDirectory = false
            return FileReading.exists(candidate, isDirectory: &isDirectory) && !isDirectory
        }
        if let file { return file }
        guard !name.contains("/") else { return name }
        return namedPipelines().first { $0.name == name }?.file ?? name
    }

    /// The pipelines below the current folder, with the names that they give themselves, or those of their files.
    private static func namedPipelines() -> [(name: String, file: String)] {
        ((try? PipelineFolder(".").files()) ?? []).map { file in
            let stem = file.split(separator: "/").last.map {
                $0.split(separator: ".").dropLast().joined(separator: ".")
            }
            let root = (try? FileReading.yaml(of: file)).flatMap { try? YAMLParser.parse($0, name: file).root }
            return (root?["name"]?.asString ?? stem ?? file, FileReading.shown(FileReading.absolute(file)))
        }
    }

    /// What to do where there is no such file.
    private static func hint(_ name: String) -> String {
        let known = namedPipelines()
        let words = known.flatMap { [$0.file.withoutEnding, $0.name] }
        if let closest = Suggestion.closest(to: name, among: words) { return "did you mean \"\(closest)\"?" }
        guard !known.isEmpty else { return "`runnel init` makes a project with a pipeline" }
        let shown = known.prefix(8).map { $0.file.withoutEnding }
        return "pipelines below this folder: " + shown.joined(separator: ", ") + (known.count > 8 ? ", …" : "")
    }
}

extension String {
    fileprivate var withoutEnding: String {
        [".yaml", ".yml"].first(where: hasSuffix).map { String(dropLast($0.count)) } ?? self
    }
}

/// A pipeline that is a link to a file outside of its project. Read-only commands do not show lines of that file: a
/// link in an untrusted project may point to secrets.
enum OutsideLink {
    static func message(_ path: String) -> String { "\"\(path)\" is a link to a file outside of the project" }
    static let hint = "pass the file itself, or copy it into the project"
}
