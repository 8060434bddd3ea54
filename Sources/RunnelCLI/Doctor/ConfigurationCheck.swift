import LibC
import RunnelEngine
import RunnelKit
import RunnelProcess
import RunnelSupport
import YAML

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// Checks `runnel.yaml`, its secrets, and the pipelines of the project.
enum ConfigurationCheck {
    static func configuration(_ project: Project) -> [HealthFinding] {
        let diagnostics = project.checkedReport.diagnostics
        let file = project.report.source.name
        guard FileReading.exists(project.directory + "/runnel.yaml") || FileReading.exists(file) else {
            return [.good("configuration", "there is no runnel.yaml; \(project.directory) is the project")]
        }
        let found: [HealthFinding] = diagnostics.map {
            .warning("configuration", "\($0.file):\($0.range?.start.line ?? 1): \($0.message)", $0.hint)
        }
        return found.isEmpty ? [.good("configuration", file)] : found
    }

    static func secrets(_ project: Project) -> [HealthFinding] {
        var findings = project.unavailableSecrets.sorted { $0.key < $1.key }.map {
            HealthFinding.problem(
                "secrets", "the secret \"\($0.key)\" \(UnavailableSecret(reason: $0.value).predicate)",
                "set it where Runnel is started, or change `secrets.\($0.key)` in runnel.yaml")
        }
        if !project.secrets.isEmpty, findings.isEmpty {
            let count = project.secrets.count
            findings.append(
                .good("secrets", count == 1 ? "1 secret, with a value" : "\(count) secrets, all with values"))
        }
        return findings
    }

    static func plugins(_ plugins: ProjectPlugins) -> [HealthFinding] {
        var findings = plugins.registry.missingPlugins.sorted { $0.key < $1.key }.map {
            let subject = "the plugin \"\($0.key)\""
            return HealthFinding.problem(
                "plugins", $0.value.hasPrefix(subject) ? $0.value : "\(subject) was not loaded: \($0.value)")
        }
        for folder in plugins.folders {
            guard let problem = folder.missingProgram else { continue }
            findings.append(.problem("plugins", problem.message, problem.hint))
        }
        if findings.isEmpty, !plugins.folders.isEmpty {
            findings.append(.good("plugins", plugins.folders.map(\.name).joined(separator: ", ")))
        }
        return findings
    }

    /// Finds schemas for editors that do not know the project's steps, or those of this version.
    static func schemas(_ project: Project, _ plugins: ProjectPlugins) -> [HealthFinding] {
        EditorSchema.stale(in: project, plugins.registry).map { schema in
            let kind = schema == .pipeline ? "" : " \(schema.rawValue)"
            return .warning(
                "schema", "\(schema.fileName) is out of date, so editors may report errors that are none",
                "`runnel schema\(kind) > \(schema.fileName)` writes it anew")
        }
    }

    /// Finds files that every user of the machine can change.
    static func permissions(_ project: Project, _ plugins: ProjectPlugins) -> [HealthFinding] {
        let names = ["", "/runnel.yaml", "/.env", "/.runnel", "/plugins", "/pipelines"]
        return (names.map { project.directory + $0 } + plugins.folders.flatMap(\.executed))
            .filter { path in
                var status = stat()
                return stat(path, &status) == 0 && status.st_mode & S_IWOTH != 0
            }.map {
                .warning(
                    "permissions",
                    "\"\(FileReading.shown($0))\" is writable by every user of this machine, who could start programs through it",
                    "remove that permission: chmod o-w \($0)")
            }
    }

    /// The valid pipelines, and the findings about all.
    static func pipelines(_ project: Project, _ loader: PipelineLoader) -> (good: [Pipeline], findings: [HealthFinding])
    {
        let folder = PipelineFolder.usual(in: project.directory)
        guard let found = try? PipelineFolder(searching: folder).look(),
            !found.files.isEmpty || !found.unreadable.isEmpty
        else {
            return (
                [],
                [
                    .warning(
                        "pipelines", "none were found \(PipelineFolder.searched(folder))",
                        Project.isProject(folder)
                            ? "`runnel new pipeline NAME` creates one" : "`runnel init` makes a project with a pipeline"
                    )
                ]
            )
        }
        var good: [Pipeline] = []
        var names: [String: String] = [:]
        var findings: [HealthFinding] = found.unreadable.map {
            .problem("pipelines", PipelineFolder.unreadable($0).message, nil)
        }
        let codes: [any ErrorCode.Type] = [PipelineErrorCode.self] + loader.registry.plugins.flatMap(\.errorCodes)
        let subjects = Dictionary(codes.flatMap { reported($0) }, uniquingKeysWith: { first, _ in first })
        for file in found.files {
            guard !FileReading.leads(out: project.directory, file) else {
                findings.append(.warning("pipelines", OutsideLink.message(FileReading.shown(file)), OutsideLink.hint))
                continue
            }
            let shown = FileReading.shown(file)
            let bytes: [UInt8]
            do throws(FileReading.Failure) {
                bytes = try FileReading.yaml(of: file)
            } catch {
                findings.append(.problem("pipelines", error.message, nil))
                continue
            }
            let (pipeline, report) = loader.load(bytes, file: shown)
            if let pipeline {
                // `serve` serves the first of two with one name.
                if let other = names[pipeline.name] {
                    findings.append(
                        .problem(
                            "pipelines",
                            "\(shown) and \(other) are both named \"\(pipeline.name)\"; only one is served",
                            "give one of them another `name`"))
                    continue
                }
                names[pipeline.name] = shown
                good.append(pipeline)
            }
            let errors = report.diagnostics.filter { $0.severity == .error }
            // YAML files without `steps:` are not meant to be pipelines.
            guard let first = errors.first, report.source.text.contains("steps:") else { continue }
            let more = errors.count > 1 ? ", and \(errors.count - 1) more" : ""
            // `runnel validate` says nothing about values that are missing on this machine.
            let causes = Set(errors.map { subjects[$0.code] ?? "" })
            let cause = causes.count == 1 ? causes.first.flatMap { $0.isEmpty ? nil : $0 } : nil
            findings.append(
                .problem(
                    "pipelines", "\(shown):\(first.range?.start.line ?? 1): \(first.message)\(more)",
                    cause.map { "see \($0) above" } ?? "`runnel validate \(shown)` shows all errors"))
        }
        let checker = FolderChecker(
            registry: loader.registry, project: project.files(), scope: project.triggerScope)
        for finding in checker.check(good.map { ($0.source.name, $0) }, isComplete: good.count == found.files.count) {
            let diagnostic = finding.diagnostic
            let text = "\(diagnostic.file):\(diagnostic.range?.start.line ?? 1): \(diagnostic.message)"
            findings.append(
                diagnostic.severity == .warning
                    ? .warning("pipelines", text, diagnostic.hint) : .problem("pipelines", text, diagnostic.hint))
        }
        if findings.isEmpty {
            let count = good.count == 1 ? "1 pipeline, valid" : "\(good.count) pipelines, all valid"
            let place = Project.isProject(folder) ? "" : ", \(PipelineFolder.searched(folder))"
            findings = [.good("pipelines", count + place)]
        }
        return (good, findings)
    }

    /// The errors whose cause another subject reports, with that subject.
    private static func reported<Code: ErrorCode>(_ codes: Code.Type) -> [(String, String)] {
        codes.allCases.compactMap { code in code.explanation.subject.map { (code.rawValue, $0) } }
    }
}

/// What triggers need, and where the server listens.
enum TriggerCheck {
    /// What the triggers of the pipelines say of themselves. One whose entry needs a secret that is not there is left
    /// out: the secret is reported.
    static func triggers(
        _ project: Project, _ pipelines: [Pipeline], _ registry: StepRegistry, _ context: DiagnosisContext
    ) async -> [HealthFinding] {
        let scope = project.triggerScope
        var findings: [HealthFinding] = []
        for pipeline in pipelines {
            for trigger in pipeline.triggers {
                guard let definition = registry.trigger(named: trigger.kind),
                    let entry = try? trigger.entry.render(scope).asObject ?? [:]
                else { continue }
                findings += await definition.diagnose(entry, pipeline.name, context)
            }
        }
        return findings
    }

    /// Whether a server is running, or could run.
    static func server(_ project: Project) async -> [HealthFinding] {
        let settings = project.settings.server
        for token in project.apiTokens {
            guard case .failure(let problem) = token.value else { continue }
            return [.problem("server", "`\(token.setting)` \(problem.predicate)")]
        }
        if case .failure(let problem)? = project.signInSecret {
            return [.problem("server", "`server.sign_in.secret` \(problem.predicate)")]
        }
        let address = "\(settings.host):\(settings.port)"
        let client = ServerClient(project: project)
        switch await client.probe() {
        case .answers(let version, let pending):
            guard pending.isEmpty else {
                let names = Quote.names(pending)
                return [.warning("server", "the server at \(address) does not use \(names) yet", "restart it")]
            }
            return [.good("server", "runnel \(version) answers at \(address)")]
        case .refuses: return [.good("server", "no server is running at \(address)")]
        case .declines(let message):
            return [.problem("server", "the server at \(address) refuses to report its state: \(message)")]
        case .someoneElse:
            return [
                .problem(
                    "server", "something else listens on \(address)",
                    "stop it, or choose another port: `server: { port: … }` in runnel.yaml")
            ]
        case .otherUser(let error): return [.problem("server", error.message, error.hint)]
        case .wrongToken:
            let rejection = client.rejection
            return [.problem("server", rejection.message, rejection.hint)]
        }
    }
}
