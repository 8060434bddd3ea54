import Logging
import RunnelEngine
import RunnelKit
import RunnelProcess
import YAML

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// Everything that extends this `runnel` in a project: what it was built with, and the folders in `plugins/`.
///
/// A folder that cannot be used does not stop the pipelines that do without it: it is reported, and the steps that it
/// would have brought say why they are not there.
struct ProjectPlugins: Sendable {
    let registry: StepRegistry
    let folders: [PluginFolder]
    /// What is wrong with plugins beyond their manifests, by plugin.
    let problems: [(plugin: String, message: String, hint: String?)]

    /// - Parameter refresh: Whether MCP servers are asked for their tools even where those are known.
    static func load(_ project: Project, refresh: Bool = false) async throws -> ProjectPlugins {
        do {
            return try await ProjectPlugins(project, refresh: refresh)
        } catch let error as RegistryError {
            Streams.error.write("error: \(error.message)\n")
        } catch let error as FileReading.Failure {
            Streams.error.write("error: \(error.message)\n")
        }
        throw ExitStatus.usage
    }

    private init(_ project: Project, refresh: Bool) async throws {
        var registry = try StepRegistry(RunnelCommand.plugins)
        var problems: [(plugin: String, message: String, hint: String?)] = []
        let folders = try PluginFolder.all(of: project)
        let services = Services()
        await MCPOverHTTP.register(in: services)
        for folder in folders {
            guard let manifest = folder.manifest else {
                registry.setMissing(folder.name, because: "mend \(folder.report.source.name)")
                continue
            }
            do {
                let plugin = try await ProcessPlugins.load(
                    manifest, folder: folder.path,
                    cacheFile: "\(project.stateDirectory)/plugins/\(manifest.name.text).json",
                    host: Self.host(project), refresh: refresh, context: Self.context(project, services))
                try registry.add(plugin)
                for problem in (plugin as? MCPPlugin)?.problems ?? [] { problems.append((plugin.name, problem, nil)) }
            } catch let error as RegistryError {
                problems.append((folder.name, error.message, nil))
                registry.setMissing(folder.name, because: error.message)
            } catch let error as FieldError {
                let place = error.path.map(\.text).joined(separator: ".")
                problems.append((folder.name, "\(folder.report.source.name): `\(place)`: \(error.message)", error.hint))
                registry.setMissing(folder.name, because: "mend \(folder.report.source.name)")
            } catch let error as StepError {
                problems.append((folder.name, error.message, error.hint))
                registry.setMissing(folder.name, because: error.message)
            }
        }
        await services.shutDown()
        self.registry = registry
        self.folders = folders
        self.problems = problems
    }

    /// What there is to say about the plugins, for a person.
    func write(redactor: Redactor) {
        DiagnosticOutput.write(folders.map(\.report), format: .text, redactor: redactor)
        writeProblems(redactor: redactor)
    }

    func writeProblems(redactor: Redactor = Redactor()) {
        for problem in problems {
            let hint = problem.hint.map { "  = \($0)\n" } ?? ""
            Streams.error.write(redactor.redact("warning: \(problem.message)\n\(hint)"))
        }
    }

    private static func host(_ project: Project) -> ProcessHost {
        let secrets = project.secrets
        return ProcessHost(
            variables: ProcessInfo.processInfo.environment, project: project.directory, secret: { secrets[$0] },
            http: { services in MCPOverHTTP(client: try await services.get(MCPOverHTTP.self)) })
    }

    /// For the moment in which a server is asked for its tools: outside of any run.
    private static func context(_ project: Project, _ services: Services) -> StepContext {
        StepContext(
            identity: StepIdentity(pipeline: "", runID: "", stepID: ""),
            logger: RunnerAssembly.logger(level: project.settings.log.level, redactor: project.redactor),
            now: WallClock.nanoseconds, redactor: project.redactor, services: services,
            project: ProjectDirectory(path: project.directory, grantedFiles: []),
            render: { text, _ in .string(text) }, progress: { _ in })
    }
}

extension FieldError.PathElement {
    fileprivate var text: String {
        switch self {
        case .key(let key): key
        case .index(let index): String(index)
        }
    }
}
