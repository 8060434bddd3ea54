import ArgumentParser
import RunnelEngine
import RunnelKit
import YAML

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// `runnel validate`
struct ValidateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "validate", abstract: "Check pipelines without running anything.",
        discussion: "All errors are printed together. Exit status: 0 all valid, 2 errors found.")

    @Argument(help: "Pipeline files, or folders of pipeline files.", completion: .file())
    var paths: [String]

    @Option(help: "The output format.")
    var format: DiagnosticFormat = .text

    @Option(help: "Use this configuration instead of the nearest `runnel.yaml`.", completion: .file())
    var config: String?

    func run() async throws {
        do {
            var plugins = CheckedPlugins()
            var reports: [LoadReport] = []
            let files = try paths.flatMap { path throws(FileReading.Failure) in try PipelineFiles.under(path) }
            var checkedConfigurations: Set<String> = []
            var names = PipelineNames()
            for file in files {
                let (report, configuration) = try await check(file, &plugins)
                reports.append(names.checked(report))
                if checkedConfigurations.insert(configuration.source.name).inserted { reports.append(configuration) }
            }
            reports += plugins.reports
            DiagnosticOutput.write(reports, format: format)
            plugins.writeProblems()
            let faulty = reports.filter(\.diagnostics.hasErrors).count
            if format == .text {
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
    ) async throws -> (LoadReport, configuration: LoadReport) {
        let folder = FileReading.folder(of: FileReading.absolute(file))
        // Secrets are not needed to validate a pipeline; it may run on another machine.
        switch try Project.find(from: folder, config: config, environment: ProcessInfo.processInfo.environment) {
        case .failure(let invalid):
            let bytes = try FileReading.yaml(of: file)
            let loader = try PipelineLoader(registry: StepRegistry(RunnelCommand.plugins), names: nil)
            return (loader.load(bytes, file: file).report, invalid.report)
        case .success(let project):
            if FileReading.leads(out: project.directory, file) {
                let problem = Diagnostic(
                    "link-outside", file: file, range: nil, OutsideLink.message(file), hint: OutsideLink.hint)
                return (LoadReport(source: YAMLSource(name: file, text: ""), diagnostics: [problem]), project.report)
            }
            var names = project.names
            names.unavailableSecrets = [:]
            let bytes = try FileReading.yaml(of: file)
            let loader = try PipelineLoader(
                registry: await plugins.registry(of: project), names: names, project: project.files())
            return (loader.load(bytes, file: file).report, project.report)
        }
    }
}

/// The names of the pipelines that were met on the way: in a folder that is served, each may be there once.
private struct PipelineNames {
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
    private var loaded: [String: ProjectPlugins] = [:]
    private(set) var reports: [LoadReport] = []

    mutating func registry(of project: Project) async throws -> StepRegistry {
        if let known = loaded[project.directory] { return known.registry }
        let plugins = try await ProjectPlugins.load(project)
        loaded[project.directory] = plugins
        reports += plugins.folders.map(\.report)
        return plugins.registry
    }

    func writeProblems() {
        for plugins in loaded.values { plugins.writeProblems() }
    }
}
