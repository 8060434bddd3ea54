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
        discussion: "Everything that is wrong is printed at once. Exit status: 0 all valid, 2 something is not.")

    @Argument(help: "Pipeline files, or folders in which every .yaml file is one.", completion: .file())
    var paths: [String]

    @Option(help: "How what was found is printed.")
    var format: DiagnosticFormat = .text

    @Option(help: "Use this configuration instead of the nearest `runnel.yaml`.", completion: .file())
    var config: String?

    func run() async throws {
        do {
            var plugins = CheckedPlugins()
            var reports: [LoadReport] = []
            let files = try paths.flatMap { path throws(FileReading.Failure) in try PipelineFiles.under(path) }
            var checkedConfigurations: Set<String> = []
            for file in files {
                let (report, configuration) = try await check(file, &plugins)
                reports.append(report)
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

    /// What is to be said of the pipeline, and of the configuration it falls under.
    private func check(
        _ file: String, _ plugins: inout CheckedPlugins
    ) async throws -> (LoadReport, configuration: LoadReport) {
        let folder = FileReading.folder(of: FileReading.absolute(file))
        // Secrets need not be there to check a pipeline: that is done where it runs.
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

/// The plugins of the projects that were met on the way; each is looked at once.
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
