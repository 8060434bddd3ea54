import ArgumentParser
import MCP
import RunnelEngine
import RunnelKit
import RunnelProcess
import RunnelSupport

/// `runnel plugins`
struct PluginsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "plugins",
        abstract: "List the plugins of this project, refresh the tools of MCP servers, check triggers.",
        discussion: HelpText.text(
            examples: [
                "runnel plugins": "The plugins with their steps and triggers.",
                "runnel plugins refresh clock": "Asks an MCP server for its tools.",
                "runnel plugins check ticker -e every=1": "Tries a trigger of a plugin.",
            ]),
        subcommands: [PluginsListCommand.self, PluginsRefreshCommand.self, PluginsCheckCommand.self],
        defaultSubcommand: PluginsListCommand.self)
}

/// `runnel plugins list`
struct PluginsListCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List the plugins of this project with their steps and triggers.",
        discussion: HelpText.text(
            "Nothing is started: the tools of an MCP server are those that it had when it was last asked.",
            "Exit status: 0 all can be used, 2 one cannot."))

    @OptionGroup var options: ProjectOptions

    func run() async throws {
        let project = try options.project()
        let plugins = try await ProjectPlugins.load(project)
        for plugin in plugins.registry.plugins {
            let manifest = plugins.places[plugin.name]?.manifest
            let isPart = !plugin.steps.isEmpty || !plugin.triggers.isEmpty || !plugin.filters.isEmpty
            // A service that other plugins use says nothing to who writes pipelines.
            guard isPart || manifest != nil else { continue }
            Streams.output.write("\(plugin.name)  \(manifest.map(Self.kind) ?? "built in")\n")
            let parts: [(String, [String])] = [
                ("steps", plugin.steps.map(\.name)), ("triggers", plugin.triggers.map(\.name)),
                ("filters", plugin.filters.map(\.name)),
            ]
            for (what, names) in parts where !names.isEmpty {
                Streams.output.write("  \(what): \(names.sorted().joined(separator: ", "))\n")
            }
        }
        for (name, reason) in plugins.registry.missingPlugins.sorted(by: { $0.key < $1.key }) {
            Streams.output.write("\(name)  not loaded: \(reason)\n")
        }
        plugins.write(redactor: project.redactor, leavingOut: Set(plugins.registry.missingPlugins.values))
        if !plugins.registry.missingPlugins.isEmpty { throw ExitStatus.usage }
    }

    private static func kind(_ manifest: PluginManifest) -> String {
        let way = manifest.interface == .exec ? "exec" : "mcp, \(manifest.transport.rawValue)"
        return "\(manifest.version)  (\(way))" + (manifest.description.isEmpty ? "" : "  \(manifest.description)")
    }
}

/// `runnel plugins refresh`
struct PluginsRefreshCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "refresh", abstract: "Start MCP servers briefly, and fetch their lists of tools.",
        discussion: HelpText.text(
            """
            Commands that only look at a project know the tools from the last time. A server of another user is not \
            started before `runnel trust` names its folder.
            """,
            "Exit status: 0 all were asked, 2 one could not be.",
            examples: [
                "runnel plugins refresh clock": "Starts the server of plugins/clock briefly."
            ]))

    @Argument(help: "The plugin; default is all.") var name: String?
    @OptionGroup var options: ProjectOptions

    func run() async throws {
        let project = try options.project(runsCommands: true)
        let servers = try servers(of: project)
        for server in servers where server.canBeAsked(in: project) {
            let manifest = server.manifest
            let words = manifest?.command?.words.joined(separator: " ")
            let what = words ?? manifest?.url.map { URLCredentials.masked($0) } ?? ""
            Streams.error.write("asking \(server.name): \(what)\n")
        }
        let plugins = try await ProjectPlugins.load(project, discovery: .always, only: name)
        for server in servers {
            guard plugins.places[server.name]?.path == server.path,
                let plugin = plugins.registry.plugins.first(where: { $0.name == server.name })
            else { continue }
            let count = plugin.steps.count
            Streams.output.write("\(plugin.name)  \(count) tool\(count == 1 ? "" : "s")\n")
        }
        plugins.write(redactor: project.redactor)
        let missing = plugins.registry.missingPlugins
        if servers.contains(where: { missing[$0.name] != nil }) { throw ExitStatus.usage }
    }

    /// The servers to query, and the plugins that may be one: those whose manifests have errors.
    private func servers(of project: Project) throws -> [PluginFolder] {
        let folders = PluginFolder.all(of: project)
        let servers = folders.filter { $0.manifest?.interface ?? .mcp == .mcp }
        guard let name else { return servers }
        guard let folder = folders.first(where: { $0.name == name }) else {
            throw ExitStatus.usage.reporting(
                "there is no plugin \"\(name)\" in \(project.directory)/plugins",
                hint: Suggestion.hint(for: name, among: folders.map(\.name)))
        }
        if let problem = folder.problem(Trust.current) {
            throw ExitStatus.usage.reporting(problem.message, hint: problem.hint)
        }
        guard servers.contains(where: { $0.name == name }) else {
            throw ExitStatus.usage.reporting(
                "the plugin \"\(name)\" is not an MCP server: its steps are declared in \(FileReading.shown(folder.path))/plugin.yaml"
            )
        }
        return servers.filter { $0.name == name }
    }
}

extension PluginFolder {
    /// Whether nothing keeps its server from being asked: neither its manifest, nor its settings, nor its owner.
    fileprivate func canBeAsked(in project: Project) -> Bool {
        manifest != nil && !report.diagnostics.hasErrors && problem(Trust.current) == nil
            && project.pluginSettings.problems[name] == nil
    }
}
