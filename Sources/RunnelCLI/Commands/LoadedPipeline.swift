import RunnelEngine
import RunnelKit
import YAML

/// A pipeline named on the command line, loaded and validated, with its project.
struct LoadedPipeline: Sendable {
    let pipeline: Pipeline
    let project: Project
    let loader: PipelineLoader

    /// Prints diagnostics, and exits the command if there are errors.
    ///
    /// - Parameter startsServers: False for read-only commands: they start no process, and follow no link out of the
    ///   project.
    /// - Parameter simulates: Whether a simulator stands in for the agents, so that none has to be configured.
    init(
        _ name: String, _ options: ProjectOptions, startsServers: Bool = false, simulates: Bool = false
    ) async throws {
        do {
            _ = try options.folder()
            let path = Self.path(name, in: options.directory)
            let isFolder = FileReading.isFolder(path)
            guard FileReading.exists(path), !isFolder else {
                if let failure = FileReading.unreachable(path) { throw failure }
                let problem = isFolder ? "\"\(name)\" is a folder, not a pipeline" : "there is no pipeline \"\(name)\""
                throw FileReading.Failure(
                    message: problem + "\n  = "
                        + Self.hint(
                            isFolder ? "" : name, in: isFolder ? [path, options.directory] : [options.directory]))
            }
            try PipelineFiles.refuseOthers(path)
            let bytes = try FileReading.yaml(of: path, waits: true)
            project = try options.find(near: path, runsCommands: startsServers).mapError { $0.reported() }.get()
            if !startsServers, FileReading.leads(out: project.directory, path) {
                throw FileReading.Failure(message: OutsideLink.message(path) + "\n  = " + OutsideLink.hint)
            }
            loader = try await project.loader(startsServers: startsServers, simulates: simulates)
            let (pipeline, report) = loader.load(bytes, file: path)
            DiagnosticOutput.write([project.report, report], format: .text, redactor: project.redactor)
            guard let pipeline else { throw ExitStatus.usage }
            self.pipeline = pipeline
        } catch let error as FileReading.Failure {
            throw ExitStatus.usage.reporting(error.message)
        }
    }

    /// The path of the file that a person means: standard input for `-`, with an omitted `.yaml` added, in the project that
    /// was named, or by the name of the pipeline.
    static func path(_ name: String, in project: String?) -> String {
        if name == "-" { return "/dev/stdin" }
        let places = [name] + (name.hasPrefix("/") ? [] : project.map { ["\($0)/\(name)"] } ?? [])
        let file = places.flatMap { [$0, $0 + ".yaml", $0 + ".yml"] }.first {
            FileReading.exists($0) && !FileReading.isFolder($0)
        }
        if let file { return file }
        guard !name.contains("/") else { return name }
        return PipelineNames.below(project ?? ".").first { $0.name == name }?.file ?? name
    }

    /// What to do where there is no such file.
    ///
    /// - Parameter folders: Looked through until one of them has pipelines.
    static func hint(_ name: String, in folders: [String?]) -> String {
        let known = folders.lazy.map { PipelineNames.below($0 ?? ".") }.first { !$0.isEmpty } ?? []
        let words = known.flatMap { [$0.file.withoutYAMLEnding, $0.name] }
        if let hint = Suggestion.hint(for: name, among: words) { return hint }
        guard !known.isEmpty else {
            if let folder = folders.lazy.compactMap({ PipelineNames.unreadable(below: $0 ?? ".") }).first {
                return PipelineFolder.unreadable(folder).message
            }
            return "no pipelines were found \(PipelineFolder.searched((folders.last ?? nil) ?? "."))\n"
                + "  = `runnel init` makes a project with a pipeline"
        }
        let shown = known.prefix(8).map { $0.file.withoutYAMLEnding }
        return "pipelines here: " + shown.joined(separator: ", ") + (known.count > 8 ? ", …" : "")
    }
}

/// A file of a project that is a link to a file outside of it. Read-only commands do not show lines of that file: a link
/// in an untrusted project may point to secrets.
enum OutsideLink {
    static func message(_ path: String) -> String { "\"\(path)\" is a link to a file outside of the project" }
    static let hint = "pass the file itself, or copy it into the project"

    /// The report of the configuration or of a manifest, which may be a link; its problems would quote that file.
    static func checked(_ report: LoadReport, of path: String, in folder: String) -> LoadReport {
        guard !report.diagnostics.isEmpty, FileReading.leads(out: folder, path) else { return report }
        let name = report.source.name
        let problem = Diagnostic(
            CommandErrorCode.linkOutside, report.diagnostics.hasErrors ? .error : .warning, file: name, range: nil,
            "\(message(name)), and not as it should be", hint: "copy it into the project to see what is wrong")
        return LoadReport(source: YAMLSource(name: name, text: ""), diagnostics: [problem])
    }
}
