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
            var checkedConfigurations: Set<String> = []
            var names = UniqueNames()
            var files: [String] = []
            var scripts: [String] = []
            var unreadable: [String] = []
            for path in paths.isEmpty ? [options.directory ?? "."] : paths {
                var together = FoldersTogether()
                for file in try PipelineFiles.under(path) {
                    files.append(file)
                    let (report, configuration, loaded): (LoadReport, LoadReport, FoldersTogether.Loaded?)
                    do {
                        (report, configuration, loaded) = try await check(file, &plugins)
                    } catch let error as FileReading.Failure {
                        // One file that cannot be read hides no error of the others.
                        unreadable.append(error.message)
                        continue
                    }
                    reports.append(names.checked(report))
                    if let loaded {
                        together.add(file, loaded)
                        scripts += loaded.pipeline.scripts(loaded.registry).map { "\(file):\($0.summary)" }
                    }
                    if checkedConfigurations.insert(configuration.source.name).inserted {
                        reports.append(configuration)
                    }
                }
                together.check(&reports)
            }
            reports += plugins.reports
            DiagnosticOutput.write(reports, format: format)
            plugins.writeProblems()
            for message in unreadable { Streams.error.write("error: \(message)\n") }
            let faulty = reports.filter(\.diagnostics.hasErrors).count + unreadable.count
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

    /// The diagnostics of the pipeline and of its configuration, and the pipeline if it is valid.
    private func check(
        _ file: String, _ plugins: inout CheckedPlugins
    ) async throws -> (LoadReport, configuration: LoadReport, FoldersTogether.Loaded?) {
        // Secrets are not needed to validate a pipeline; it may run on another machine.
        switch try options.find(near: file, hasSecrets: false) {
        case .failure(let invalid):
            let bytes = try FileReading.yaml(of: file)
            let loader = try PipelineLoader(registry: StepRegistry(RunnelCommand.plugins), names: nil)
            return (loader.load(bytes, file: file).report, invalid.report, nil)
        case .success(let project):
            if FileReading.leads(out: project.directory, file) {
                let problem = Diagnostic(
                    CommandErrorCode.linkOutside, file: file, range: nil, OutsideLink.message(file),
                    hint: OutsideLink.hint)
                return (
                    LoadReport(source: YAMLSource(name: file, text: ""), diagnostics: [problem]), project.report, nil
                )
            }
            let bytes = try FileReading.yaml(of: file)
            let registry = try await plugins.registry(of: project)
            let loader = try PipelineLoader(registry: registry, names: project.names, project: project.files())
            let (pipeline, report) = loader.load(bytes, file: file)
            return (report, project.report, pipeline.map { .init(pipeline: $0, project: project, registry: registry) })
        }
    }
}

/// The pipelines below one folder that one `runnel serve` would serve together, by project.
private struct FoldersTogether {
    struct Loaded {
        let pipeline: Pipeline
        let project: Project
        let registry: StepRegistry
    }

    private var pipelines: [String: [(file: String, loaded: Loaded)]] = [:]

    mutating func add(_ file: String, _ loaded: Loaded) {
        pipelines[loaded.project.directory, default: []].append((file, loaded))
    }

    /// Adds what is found to the reports of the pipelines.
    func check(_ reports: inout [LoadReport]) {
        for group in pipelines.values {
            guard let first = group.first?.loaded else { continue }
            let checker = FolderChecker(
                registry: first.registry, project: first.project.files(), scope: first.project.triggerScope)
            for finding in checker.check(group.map { ($0.file, $0.loaded.pipeline) }) {
                add(finding.diagnostic, to: finding.diagnostic.file, of: &reports)
            }
        }
    }

    private func add(_ diagnostic: Diagnostic, to file: String?, of reports: inout [LoadReport]) {
        guard let index = reports.firstIndex(where: { $0.source.name == file }) else { return }
        let report = reports[index]
        reports[index] = LoadReport(
            source: report.source, diagnostics: (report.diagnostics + [diagnostic]).sortedByPlace())
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
            CommandErrorCode.duplicatePipeline, file: file, range: name.range,
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
