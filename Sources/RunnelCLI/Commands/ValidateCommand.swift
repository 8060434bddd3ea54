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
            let registry = try StepRegistry(RunnelCommand.plugins)
            var reports: [LoadReport] = []
            let files = try paths.flatMap { path throws(FileReading.Failure) in try PipelineFiles.under(path) }
            var checkedConfigurations: Set<String> = []
            for file in files {
                let (report, configuration) = try check(file, registry)
                reports.append(report)
                if checkedConfigurations.insert(configuration.source.name).inserted { reports.append(configuration) }
            }
            DiagnosticOutput.write(reports, format: format)
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
    private func check(_ file: String, _ registry: StepRegistry) throws -> (LoadReport, configuration: LoadReport) {
        let bytes = try FileReading.bytes(of: file)
        let folder = FileReading.folder(of: FileReading.absolute(file))
        // Secrets need not be there to check a pipeline: that is done where it runs.
        switch try Project.find(from: folder, config: config, environment: ProcessInfo.processInfo.environment) {
        case .failure(let invalid):
            let loader = try PipelineLoader(registry: registry, names: nil)
            return (loader.load(bytes, file: file).report, invalid.report)
        case .success(let project):
            var names = project.names
            names.unavailableSecrets = [:]
            let loader = try PipelineLoader(registry: registry, names: names)
            return (loader.load(bytes, file: file).report, project.report)
        }
    }
}
