import JSONSchema
import RunnelKit
import RunnelProcess
import RunnelReference

/// The plugins that ship as programs: the folders below `plugins/` with a `plugin.yaml`.
enum ShippedPrograms {
    static func all() throws -> [PluginDescription] {
        try Project.files(in: "plugins", suffix: "/plugin.yaml").map { file in
            let manifest = try PluginManifest(manifest: Project.data(Project.text(file)))
            let host = ProcessHost(variables: [:], project: Project.folder)
            let plugin = ExecPlugin(manifest, folder: Project.folder, host: host)
            return PluginDescription(plugin, description: manifest.description, settings: manifest.settings?.source)
        }
    }
}
