import JSONSchema
import RunnelKit
import RunnelProcess
import RunnelReference

/// The plugins that ship as programs: the folders below `plugins/` with a `plugin.yaml`.
enum ShippedPrograms {
    static func all() throws -> [PluginDescription] {
        try manifests().map { manifest in
            PluginDescription(
                plugin(manifest), description: manifest.description, settings: manifest.settings?.source)
        }
    }

    static func manifests() throws -> [PluginManifest] {
        try Project.files(in: "plugins", suffix: "/plugin.yaml").map {
            try PluginManifest(manifest: Project.data(Project.text($0)))
        }
    }

    static func plugin(_ manifest: PluginManifest) -> ExecPlugin {
        let host = ProcessHost(variables: [:], project: Project.folder)
        return ExecPlugin(manifest, folder: Project.folder, host: host)
    }
}
