import ArgumentParser
import RunnelKit
import RunnelProcess

/// `runnel plugins`
struct PluginsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "plugins", abstract: "List what extends Runnel in this project, and what it brings.",
        discussion: """
            The tools of an MCP server are asked for once and kept until the plugin's version or command changes.
            Exit status: 0 all can be used, 2 one cannot.
            """)

    @OptionGroup var options: ProjectOptions
    @Flag(help: "Ask all MCP servers for their tools again.") var refresh = false

    func run() async throws {
        let project = try options.project()
        let plugins = try await ProjectPlugins.load(project, refresh: refresh)
        for plugin in plugins.registry.plugins {
            let manifest = plugins.folders.first { $0.name == plugin.name }?.manifest
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
        plugins.write(redactor: project.redactor)
        if !plugins.registry.missingPlugins.isEmpty { throw ExitStatus.usage }
    }

    private static func kind(_ manifest: PluginManifest) -> String {
        let way = manifest.interface == .exec ? "exec" : "mcp, \(manifest.transport.rawValue)"
        return "\(manifest.version)  (\(way))" + (manifest.description.isEmpty ? "" : "  \(manifest.description)")
    }
}
