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
        discussion: HelpText.text(
            "All errors are printed together. Exit status: 0 all valid, 2 errors found.",
            examples: [
                "runnel validate": "All pipelines of the current project.",
                "runnel validate pipelines/hello.yaml --format json": "One pipeline, for an editor or a script.",
            ]))

    @Argument(
        help: "Pipeline files, or folders of them; default is `pipelines` of the project, or its folder.",
        completion: .file())
    var paths: [String] = []

    @Option(help: "The output format.")
    var format: DiagnosticFormat = .text

    @Flag(help: "Accept chats although no Marketplace is configured.") var simulate = false

    @OptionGroup var options: ProjectOptions

    func run() async throws {
        do {
            var projects = CheckedProjects(options: options, simulates: simulate)
            var reports: [LoadReport] = []
            var checkedConfigurations: Set<String> = []
            var names = UniqueNames()
            var count = 0
            var scripts: [String] = []
            var unreadable: [String] = []
            for path in paths.isEmpty ? [nil] : paths.map(Optional.some) {
                var together = FoldersTogether()
                var checks: [PipelineCheck] = []
                let found = try self.files(path)
                unreadable += found.unreadable.map { PipelineFolder.unreadable($0).message }
                for file in found.files {
                    count += 1
                    do {
                        checks.append(try await projects.check(of: file))
                    } catch let error as FileReading.Failure {
                        // One file that cannot be read hides no error of the others.
                        unreadable.append(error.message)
                    }
                }
                for (check, outcome) in zip(checks, await checks.outcomes()) {
                    let pipeline: Pipeline?
                    let report: LoadReport
                    switch outcome {
                    case .success(let loaded): (pipeline, report) = loaded
                    case .failure(let error):
                        unreadable.append(error.message)
                        continue
                    }
                    reports.append(names.checked(report, name: pipeline?.name))
                    if let pipeline, let project = check.project {
                        let registry = check.loader.registry
                        together.add(check.file, .init(pipeline: pipeline, project: project, registry: registry))
                        // Several pipelines may include one file.
                        for script in pipeline.scripts(registry).map({ $0.summary(in: check.file) })
                        where !scripts.contains(script) {
                            scripts.append(script)
                        }
                    }
                    if checkedConfigurations.insert(check.configuration.source.name).inserted {
                        reports.append(check.configuration)
                    }
                }
                // One file alone says nothing of the names of others.
                let isFolder = path.map(FileReading.isFolder) ?? true
                let hasAll = found.unreadable.isEmpty && together.count == found.files.count
                together.check(&reports, isComplete: isFolder && hasAll)
            }
            reports += projects.reports
            unreadable += projects.unreadable
            DiagnosticOutput.write(reports, format: format)
            projects.writeProblems()
            for message in unreadable { Streams.error.write("error: \(message)\n") }
            let faulty = reports.filter(\.diagnostics.hasErrors).count + unreadable.count
            if format == .text {
                for script in scripts { Streams.error.write(script + "\n") }
                let total = "\(count) pipeline\(count == 1 ? "" : "s")"
                Streams.error.write(
                    faulty == 0 ? "\(total) checked, all valid\n" : "\(total) checked, \(faulty) with errors\n")
            }
            if faulty > 0 { throw ExitStatus.usage }
        } catch let error as FileReading.Failure {
            throw ExitStatus.usage.reporting(error.message)
        } catch let error as RegistryError {
            throw ExitStatus.usage.reporting(error.message)
        }
    }

    private func files(_ path: String?) throws(FileReading.Failure) -> FolderListing.Found {
        guard let path else { return try PipelineFiles.usual(in: options.directory ?? ".") }
        return try PipelineFiles.under(path, in: options.directory)
    }
}

/// A file to check, with what it is checked against.
private struct PipelineCheck: Sendable {
    let file: String
    let loader: PipelineLoader
    /// nil where the project's configuration has errors.
    let project: Project?
    let configuration: LoadReport

    func outcome() -> Result<(pipeline: Pipeline?, report: LoadReport), FileReading.Failure> {
        do throws(FileReading.Failure) {
            if let project, FileReading.leads(out: project.directory, file) {
                let problem = Diagnostic(
                    CommandErrorCode.linkOutside, file: file, range: nil, OutsideLink.message(file),
                    hint: OutsideLink.hint)
                return .success((nil, LoadReport(source: YAMLSource(name: file, text: ""), diagnostics: [problem])))
            }
            return .success(loader.load(try FileReading.yaml(of: file), file: file))
        } catch {
            return .failure(error)
        }
    }
}

extension [PipelineCheck] {
    /// In the order of the files, found on all cores.
    fileprivate func outcomes() async -> [Result<(pipeline: Pipeline?, report: LoadReport), FileReading.Failure>] {
        let width = Swift.max(ProcessInfo.processInfo.activeProcessorCount, 1)
        return await withTaskGroup { group in
            for first in 0..<Swift.min(width, count) {
                group.addTask {
                    stride(from: first, to: self.count, by: width).map { ($0, self[$0].outcome()) }
                }
            }
            return await group.reduce(into: []) { $0 += $1 }.sorted { $0.0 < $1.0 }.map(\.1)
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

    /// The number of pipelines.
    var count: Int { pipelines.values.reduce(0) { $0 + $1.count } }

    /// Adds what is found to the reports of the pipelines.
    ///
    /// - Parameter isComplete: Whether all pipelines of the folder were added.
    func check(_ reports: inout [LoadReport], isComplete: Bool) {
        for group in pipelines.values {
            guard let first = group.first?.loaded else { continue }
            let checker = FolderChecker(
                registry: first.registry, project: first.project.files(), scope: first.project.triggerScope)
            for finding in checker.check(group.map { ($0.file, $0.loaded.pipeline) }, isComplete: isComplete) {
                add(finding.diagnostic, to: finding.diagnostic.file, of: &reports)
            }
            guard hasAllPipelines(of: first.project, group.map(\.file)) else { continue }
            let names = group.map(\.loaded.pipeline.name)
            for warning in first.project.settingWarnings(first.registry, pipelines: names) {
                add(warning, to: warning.file, of: &reports)
            }
        }
    }

    private func hasAllPipelines(of project: Project, _ files: [String]) -> Bool {
        let folder = PipelineFolder.usual(in: project.directory)
        guard let all = try? PipelineFolder(searching: folder).look(), all.unreadable.isEmpty else { return false }
        return Set(all.files).isSubset(of: files.map { FileReading.absolute($0) })
    }

    private func add(_ diagnostic: Diagnostic, to file: String?, of reports: inout [LoadReport]) {
        guard let index = reports.firstIndex(where: { $0.source.name == file }) else { return }
        let report = reports[index]
        reports[index] = LoadReport(
            source: report.source, diagnostics: (report.diagnostics + [diagnostic]).sortedByPlace())
    }
}

extension Project {
    /// The plugins' warnings about settings that do not fit the project's pipelines.
    ///
    /// - Parameter pipelines: The names of all pipelines.
    fileprivate func settingWarnings(_ registry: StepRegistry, pipelines: [String]) -> [Diagnostic] {
        registry.plugins.compactMap { $0 as? any ConfigurablePlugin }.flatMap { plugin in
            plugin.warnings(pipelines: pipelines).map { warning($0, at: plugin.settingsPath + $0.path) }
        }
    }

    /// ``report`` with the warnings about the settings of the server, for those who check or serve the project.
    var checkedReport: LoadReport {
        let warnings = settings.server.doubts.map { warning($0, at: $0.path) }
        return LoadReport(source: report.source, diagnostics: (report.diagnostics + warnings).sortedByPlace())
    }

    private func warning(_ doubt: FieldError, at place: [FieldError.PathElement]) -> Diagnostic {
        Diagnostic(
            PipelineErrorCode.doubtfulValue, .warning, file: report.source.name,
            range: settingRoots.lazy.compactMap { $0.keyNode(at: place) }.first?.range, doubt.message, hint: doubt.hint)
    }
}

/// The names of the pipelines that were met on the way: in a folder that is served, each may be there once.
private struct UniqueNames {
    private var files: [String: String] = [:]

    /// The report, with an error where another file has the same name.
    ///
    /// - Parameter name: nil where the file has errors; the name is then looked for in its text.
    mutating func checked(_ report: LoadReport, name: String?) -> LoadReport {
        let file = report.source.name
        guard let text = name ?? Self.node(report)?.asString else { return report }
        let place = FileReading.folder(of: FileReading.absolute(file)) + "\u{0}" + text
        guard let other = files[place], other != file else {
            files[place] = file
            return report
        }
        let problem = Diagnostic(
            CommandErrorCode.duplicatePipeline, file: file, range: Self.node(report)?.range,
            "the pipeline in \(other) is named \"\(text)\" too; `runnel serve` serves only one of them",
            hint: "give one of them another name")
        return LoadReport(source: report.source, diagnostics: (report.diagnostics + [problem]).sortedByPlace())
    }

    private static func node(_ report: LoadReport) -> YAMLNode? {
        (try? YAMLParser.parse(report.source.text, name: report.source.name).root)?["name"]
    }
}

/// The projects of the files, each read once with its plugins.
private struct CheckedProjects {
    let options: ProjectOptions
    let simulates: Bool
    /// By the folder of a pipeline.
    private var found: [String: Result<Project, InvalidConfiguration>] = [:]
    /// By the project's folder.
    private var loaded: [String: (plugins: ProjectPlugins, loader: PipelineLoader)] = [:]
    private(set) var reports: [LoadReport] = []
    private(set) var unreadable: [String] = []
    /// What the configurations name and is not there. It may be on the machine where the pipelines run.
    private var missing: [String] = []

    init(options: ProjectOptions, simulates: Bool) {
        self.options = options
        self.simulates = simulates
    }

    mutating func check(of file: String) async throws -> PipelineCheck {
        let folder = FileReading.folder(of: FileReading.absolute(file))
        // Secrets are not needed to validate a pipeline; it may run on another machine.
        let outcome = try found[folder] ?? options.find(near: file, hasSecrets: false)
        found[folder] = outcome
        switch outcome {
        case .failure(let invalid):
            // The configuration is invalid: names are not checked, and errors at steps of plugins refer to it.
            let configuration = invalid.report.source.name
            let directory =
                FileReading.exists(configuration) ? FileReading.folder(of: FileReading.absolute(configuration)) : folder
            var registry = try StepRegistry(RunnelCommand.plugins)
            for plugin in (try? FileManager.default.contentsOfDirectory(atPath: directory + "/plugins")) ?? [] {
                registry.setMissing(plugin, because: "correct \(configuration) first")
            }
            let loader = try PipelineLoader(
                registry: registry, names: nil, project: ProjectDirectory(path: directory))
            return PipelineCheck(file: file, loader: loader, project: nil, configuration: invalid.report)
        case .success(let project):
            return PipelineCheck(
                file: file, loader: try await loader(of: project), project: project,
                configuration: project.checkedReport)
        }
    }

    private mutating func loader(of project: Project) async throws -> PipelineLoader {
        if let known = loaded[project.directory] { return known.loader }
        let plugins = try await ProjectPlugins.load(project, simulates: simulates)
        let loader = try PipelineLoader(
            registry: plugins.registry, names: project.names, project: project.files(), distrust: project.distrust)
        loaded[project.directory] = (plugins, loader)
        reports += plugins.folders.map { $0.completeReport(in: project) }
        if FileReading.exists(project.report.source.name) {
            // Validating needs no values of `.env`, but other commands end for its errors.
            let named = GlobalOptions.current.envFile ?? ProcessInfo.processInfo.environment["RUNNEL_ENV_FILE"]
            do throws(FileReading.Failure) {
                let variables = try EnvironmentFile(beside: project.directory, named: named)
                // Its text may hold secrets, so no line of it is quoted.
                reports.append(LoadReport(source: project.report.source, diagnostics: variables.diagnostics))
            } catch {
                unreadable.append(error.message)
            }
        }
        for setting in project.effectiveSettings
        where ["http.tls.", "server.tls."].contains(where: setting.key.hasPrefix) {
            guard case .shown(let path) = setting.value, let place = setting.source.name,
                !FileReading.exists(project.path(path))
            else { continue }
            missing.append(
                """
                \(place): warning: `\(setting.key)`: there is no file "\(path)"
                  = create it, or change the path

                """)
        }
        return loader
    }

    func writeProblems() {
        for entry in loaded.values { entry.plugins.writeProblems() }
        for problem in missing { Streams.error.write(problem) }
    }
}
