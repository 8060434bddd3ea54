import Logging
import MCP
import RunnelEngine
import RunnelKit
import RunnelProcess
internal import RunnelSupport
import YAML

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// All plugins of a project: the built-in ones and the folders in `plugins/`.
///
/// An unusable folder does not affect pipelines that do not need it: it is reported, and using one of its steps is an
/// error with the reason.
struct ProjectPlugins: Sendable {
    let registry: StepRegistry
    let folders: [PluginFolder]
    /// Where the registered plugins are that are not built in, by name.
    let places: [String: PluginFolder]
    /// Problems of plugins other than in their manifests.
    let problems: [(plugin: String, message: String, hint: String?)]

    /// - Parameters:
    ///   - discovery: When MCP servers are started to list their tools. Read-only commands never do.
    ///   - only: The plugin to load; nil for all.
    ///   - simulates: Whether a simulator stands in for the agents, so that none has to be configured.
    static func load(
        _ project: Project, discovery: ToolDiscovery = .cached, only: String? = nil, simulates: Bool = false
    ) async throws -> ProjectPlugins {
        do {
            return try await ProjectPlugins(project, discovery: discovery, only: only, simulates: simulates)
        } catch let error as RegistryError {
            throw ExitStatus.usage.reporting(error.message)
        }
    }

    /// - Parameter host: The environment of child processes; nil for the default.
    init(
        _ project: Project, discovery: ToolDiscovery = .cached, only: String? = nil, host: ProcessHost? = nil,
        simulates: Bool = false
    ) async throws {
        let folders = PluginFolder.all(of: project)
        let host = host ?? Self.host(project)
        let stock = try Self.configured(RunnelCommand.plugins, project, alsoKnown: folders.map(\.name))
        var registry = try StepRegistry(
            simulates ? stock.plugins.map { $0.talking(toAny: .placeholder) } : stock.plugins)
        var problems = stock.problems
        for problem in problems where stock.broken.contains(problem.plugin) {
            registry.setMissing(problem.plugin, because: problem.message)
        }
        let services = Services(cacheFolder: project.cacheFolder)
        // How requests leave this machine, which also those that list an MCP server's tools do.
        for plugin in stock.plugins { await plugin.registerServices(in: services) }
        await MCPOverHTTP.register(in: services)
        var places: [String: PluginFolder] = [:]
        for folder in folders {
            guard let manifest = folder.manifest, !folder.report.diagnostics.hasErrors else {
                registry.setMissing(folder.name, because: folder.report.advice)
                continue
            }
            do {
                if let problem = folder.problem(Trust.current) {
                    throw StepError(CommandErrorCode.pluginUntrusted, problem.message, hint: problem.hint)
                }
                if let problem = project.pluginSettings.problems[folder.name] {
                    throw StepError(CommandErrorCode.notConfigured, problem)
                }
                if registry.plugins.contains(where: { $0.name == folder.name }) {
                    throw folder.nameClash(with: places[folder.name])
                }
                let plugin = try await ProcessPlugins.load(
                    manifest, settings: project.pluginSettings.values[folder.name], folder: folder.path,
                    cacheFile: "\(project.stateDirectory)/plugins/\(manifest.name.text).json",
                    host: host, discovery: only == nil || only == manifest.name.text ? discovery : .cached,
                    context: Self.context(project, services))
                try registry.add(plugin)
                places[folder.name] = folder
                for problem in (plugin as? MCPPlugin)?.problems ?? [] { problems.append((plugin.name, problem, nil)) }
            } catch let error as RegistryError {
                problems.append((folder.name, error.message, nil))
                registry.setMissing(folder.name, because: error.message)
            } catch let error as FieldError {
                let place = error.path.map(\.text).joined(separator: ".")
                let message = "runnel.yaml: `\(place)`: \(error.message)"
                problems.append((folder.name, message, error.hint))
                registry.setMissing(folder.name, because: "fix \(message)")
            } catch let error as StepError {
                problems.append((folder.name, error.message, error.hint))
                registry.setMissing(folder.name, because: error.message)
            }
        }
        await services.shutDown()
        self.registry = registry
        self.folders = folders
        self.places = places
        self.problems = problems
    }

    /// Prints the problems of the plugins.
    ///
    /// - Parameter said: Messages that the command has already printed.
    func write(redactor: Redactor, leavingOut said: Set<String> = []) {
        DiagnosticOutput.write(folders.map(\.report), format: .text, redactor: redactor)
        writeProblems(leavingOut: said)
    }

    func writeProblems(leavingOut said: Set<String> = []) {
        for problem in problems where !said.contains(problem.message) {
            let hint = problem.hint.map { "  = \($0)\n" } ?? ""
            Streams.error.write("warning: \(problem.message)\n\(hint)")
        }
    }

    /// The built-in plugins that can use new credentials without a restart, configured for the project.
    static func credentialPlugins(of project: Project) -> [any CredentialPlugin] {
        let stock = try? configured(RunnelCommand.plugins, project, alsoKnown: [])
        return (stock?.plugins ?? []).compactMap { $0 as? any CredentialPlugin }
    }

    /// The built-in plugins with their settings. A plugin with invalid settings is left out.
    private static func configured(
        _ plugins: [any Plugin], _ project: Project, alsoKnown folders: [String]
    ) throws -> (
        plugins: [any Plugin], problems: [(plugin: String, message: String, hint: String?)], broken: Set<String>
    ) {
        let settings = project.pluginSettings
        var problems: [(plugin: String, message: String, hint: String?)] = []
        var broken: Set<String> = []
        let known = plugins.map(\.name) + folders
        for name in settings.values.keys.sorted() where !known.contains(name) {
            problems.append(
                (
                    name, "runnel.yaml: `plugins.\(name)`: there is no plugin \"\(name)\"",
                    Suggestion.hint(for: name, among: known)
                ))
        }
        let good = plugins.compactMap { plugin -> (any Plugin)? in
            if let problem = settings.problems[plugin.name] {
                broken.insert(plugin.name)
                problems.append((plugin.name, "runnel.yaml: \(problem)", nil))
                return nil
            }
            do throws(FieldError) {
                return try configure(plugin, settings) { key, known in
                    problems.append(
                        (
                            plugin.name, "runnel.yaml: `plugins.\(plugin.name)`: there is no setting \"\(key)\"",
                            Suggestion.hint(for: key, among: known)
                                ?? "its settings are \(known.joined(separator: ", "))"
                        ))
                }
            } catch {
                broken.insert(plugin.name)
                let place = (["plugins", plugin.name] + error.path.map(\.text)).joined(separator: ".")
                problems.append((plugin.name, "runnel.yaml: `\(place)`: \(error.message)", error.hint))
                return nil
            }
        }
        return (good, problems, broken)
    }

    private static func configure(
        _ plugin: any Plugin, _ settings: PluginSettings, _ unknown: (_ key: String, _ known: [String]) -> Void
    ) throws(FieldError) -> any Plugin {
        var own = settings.values[plugin.name]
        if let plugin = plugin as? any ConfigurablePlugin {
            let known = plugin.settingsSchema["properties"]?.asObject?.keys ?? []
            for key in own?.asObject?.keys ?? [] where !known.contains(key) {
                unknown(key, known)
                own = own?.asObject.map { .object($0.removing(key)) }
            }
            guard let section = plugin.sectionField else { return try plugin.configured(reading: own ?? .null) }
            if own == nil || own == [:] {
                return try plugin.configured(reading: settings.sections[section.key] ?? .null)
            }
            throw FieldError("the settings of this plugin stand under `\(section.key):`", hint: "move them there")
        }
        guard let own, own != [:] else { return plugin }
        throw FieldError("the plugin has no settings", hint: "remove them")
    }

    private static func host(_ project: Project) -> ProcessHost {
        ProcessHost(
            variables: ProcessInfo.processInfo.environment, project: project.directory,
            secret: { project.values.secrets[$0] },
            missing: { name in
                project.unavailableSecrets[name].map {
                    let place = project.place(of: "secrets.\(name)") ?? "runnel.yaml"
                    return (
                        UnavailableSecret(reason: $0).predicate,
                        "it is declared at \(place); set it where Runnel is started"
                    )
                }
            })
    }

    /// A context outside of any run, for listing a server's tools.
    private static func context(_ project: Project, _ services: Services) -> StepContext {
        StepContext(
            identity: StepIdentity(pipeline: "", runID: "", stepID: ""),
            logger: RunnerAssembly.logger(
                LogLevel(project.settings.log.level), project.settings.log.format, redactor: project.redactor),
            now: WallClock.nanoseconds, redactor: project.redactor, services: services,
            project: ProjectDirectory(path: project.directory, grantedFiles: []),
            render: { text, _ in .string(text) }, progress: { _ in })
    }
}

extension PluginFolder {
    /// - Parameter other: The folder of the plugin with the same name; nil if that is built in.
    fileprivate func nameClash(with other: PluginFolder?) -> RegistryError {
        let here = FileReading.shown(path)
        guard let other else {
            return RegistryError(message: "the plugin in \(here) is named \"\(name)\", as a built-in one; rename it")
        }
        return RegistryError(
            message: "two plugins are named \"\(name)\", in \(FileReading.shown(other.path)) and \(here); "
                + "rename or remove one of them")
    }
}

extension LoadReport {
    /// What to fix first: `fix plugins/weather/plugin.yaml:4: plugin.yaml has no key "stpes"`.
    fileprivate var advice: String {
        guard let first = diagnostics.first(where: { $0.severity == .error }) else { return "fix \(source.name)" }
        return "fix \(source.name)\(first.range.map { ":\($0.start.line)" } ?? ""): \(first.message)"
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

extension AgentStandIn {
    /// Stands for a simulator that is not running yet, while pipelines are validated.
    fileprivate static let placeholder = AgentStandIn(
        baseURL: "http://127.0.0.1:1", clientID: "simulated", clientSecret: "simulated", agentID: "simulated")
}
