import ArgumentParser
import RunnelEngine
import RunnelKit
import YAML

/// `runnel validate`
struct ValidateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "validate", abstract: "Check pipelines without running anything.",
        discussion: HelpText.text(
            "All errors are printed together. Exit status: 0 all valid, 2 errors found.",
            examples: [
                "runnel validate": "All pipelines below the current folder.",
                "runnel validate pipelines/hello.yaml --format json": "One pipeline, for an editor or a script.",
            ]))

    @Argument(
        help: "Pipeline files, or folders of them; default is the project's folder, or the current one.",
        completion: .file())
    var paths: [String] = []

    @Option(help: "The output format.")
    var format: DiagnosticFormat = .text

    @Flag(help: "Accept chats although no Marketplace is configured.") var simulate = false

    @OptionGroup var options: ProjectOptions

    func run() async throws {
        do {
            var plugins = CheckedPlugins(simulates: simulate)
            var reports: [LoadReport] = []
            let files = try (paths.isEmpty ? [options.directory ?? "."] : paths).flatMap {
                path throws(FileReading.Failure) in try PipelineFiles.under(path)
            }
            var checkedConfigurations: Set<String> = []
            var names = UniqueNames()
            var rings = FoldersOfPipelines()
            var scripts: [String] = []
            for file in files {
                let (pipeline, report, configuration) = try await check(file, &plugins)
                if let pipeline {
                    rings.add(pipeline, at: reports.count)
                    scripts += pipeline.pipeline.scripts(pipeline.registry).map { "\(file):\($0.summary)" }
                }
                reports.append(names.checked(report))
                if checkedConfigurations.insert(configuration.source.name).inserted { reports.append(configuration) }
            }
            rings.check(&reports)
            reports += plugins.reports
            DiagnosticOutput.write(reports, format: format)
            plugins.writeProblems()
            let faulty = reports.filter(\.diagnostics.hasErrors).count
            if format == .text {
                for script in scripts { Streams.error.write(script + "\n") }
                let total = "\(files.count) pipeline\(files.count == 1 ? "" : "s")"
                Streams.error.write(
                    faulty == 0 ? "\(total) checked, all valid\n" : "\(total) checked, \(faulty) with errors\n")
            }
            if faulty > 0 { throw ExitStatus.usage }
        } catch let error as FileReading.Failure {
            Streams.error.write("error: \(error.message)\n")
            throw ExitStatus.usage
        } catch let error as RegistryError {
            Streams.error.write("error: \(error.message)\n")
            throw ExitStatus.usage
        }
    }

    /// The diagnostics of the pipeline and of its configuration.
    private func check(
        _ file: String, _ plugins: inout CheckedPlugins
    ) async throws -> (CheckedPipeline?, LoadReport, configuration: LoadReport) {
        let folder = FileReading.folder(of: FileReading.absolute(file))
        // Secrets are not needed to validate a pipeline; it may run on another machine.
        switch try options.find(near: file, hasSecrets: false) {
        case .failure(let invalid):
            let bytes = try FileReading.yaml(of: file)
            let loader = try PipelineLoader(registry: StepRegistry(RunnelCommand.plugins), names: nil)
            return (nil, loader.load(bytes, file: file).report, invalid.report)
        case .success(let project):
            if FileReading.leads(out: project.directory, file) {
                let problem = Diagnostic(
                    "link-outside", file: file, range: nil, OutsideLink.message(file), hint: OutsideLink.hint)
                return (
                    nil, LoadReport(source: YAMLSource(name: file, text: ""), diagnostics: [problem]), project.report
                )
            }
            let bytes = try FileReading.yaml(of: file)
            let loader = try PipelineLoader(
                registry: await plugins.registry(of: project), names: project.names, project: project.files())
            let (pipeline, report) = loader.load(bytes, file: file)
            return (pipeline.map { CheckedPipeline($0, folder, loader.registry) }, report, project.report)
        }
    }
}

/// A valid pipeline, and what its folder's project knows.
private struct CheckedPipeline {
    let pipeline: Pipeline
    let folder: String
    let registry: StepRegistry

    init(_ pipeline: Pipeline, _ folder: String, _ registry: StepRegistry) {
        (self.pipeline, self.folder, self.registry) = (pipeline, folder, registry)
    }
}

/// What only all pipelines of a folder together make wrong.
private struct FoldersOfPipelines {
    private var folders: [String: [(pipeline: CheckedPipeline, report: Int)]] = [:]

    mutating func add(_ pipeline: CheckedPipeline, at report: Int) {
        folders[pipeline.folder, default: []].append((pipeline, report))
    }

    func check(_ reports: inout [LoadReport]) {
        for checked in folders.values {
            guard let registry = checked.first?.pipeline.registry else { continue }
            for ring in TriggerRing.find(checked.map(\.pipeline.pipeline), registry: registry) {
                guard let index = checked.first(where: { $0.pipeline.pipeline.name == ring.pipelines.first })?.report
                else { continue }
                reports[index] = LoadReport(
                    source: reports[index].source,
                    diagnostics: (reports[index].diagnostics + [ring.diagnostic]).sortedByPlace())
            }
        }
    }
}

/// The names of the pipelines that were met on the way: in a folder that is served, each may be there once.
private struct UniqueNames {
    private var files: [String: String] = [:]

    /// The report, with an error where another file has the same name.
    mutating func checked(_ report: LoadReport) -> LoadReport {
        let file = report.source.name
        guard let name = (try? YAMLParser.parse(report.source.text, name: file).root)?["name"],
            let text = name.asString
        else { return report }
        let place = FileReading.folder(of: FileReading.absolute(file)) + "\u{0}" + text
        guard let other = files[place], other != file else {
            files[place] = file
            return report
        }
        let problem = Diagnostic(
            "duplicate-pipeline", file: file, range: name.range,
            "the pipeline in \(other) is named \"\(text)\" too; `runnel serve` serves only one of them",
            hint: "give one of them another name")
        return LoadReport(source: report.source, diagnostics: (report.diagnostics + [problem]).sortedByPlace())
    }
}

/// A cache of the plugins of the projects encountered; each is loaded once.
private struct CheckedPlugins {
    let simulates: Bool
    private var loaded: [String: ProjectPlugins] = [:]
    private(set) var reports: [LoadReport] = []

    init(simulates: Bool) {
        self.simulates = simulates
    }

    mutating func registry(of project: Project) async throws -> StepRegistry {
        if let known = loaded[project.directory] { return known.registry }
        let plugins = try await ProjectPlugins.load(project, simulates: simulates)
        loaded[project.directory] = plugins
        reports += plugins.folders.map(\.report)
        return plugins.registry
    }

    func writeProblems() {
        for plugins in loaded.values { plugins.writeProblems() }
    }
}
