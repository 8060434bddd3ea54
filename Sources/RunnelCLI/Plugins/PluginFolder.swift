import RunnelEngine
import RunnelKit
import RunnelProcess

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// A folder below `plugins/` that holds a `plugin.yaml`.
struct PluginFolder: Sendable {
    /// Absolute.
    let path: String
    /// nil where `plugin.yaml` has errors.
    let manifest: PluginManifest?
    let report: LoadReport

    /// The folder's own name, by which a plugin with a broken manifest is known.
    var name: String { manifest?.name.text ?? String(path.split(separator: "/").last ?? "") }

    /// What is wrong with starting it: it belongs to another user.
    func problem(_ trust: Trust) -> Trust.Problem? {
        trust.problem(with: path, in: path) ?? trust.problem(with: path + "/plugin.yaml", in: path)
    }

    /// All of a project, by name. A folder without a `plugin.yaml` is not one of them.
    static func all(of project: Project) throws(FileReading.Failure) -> [PluginFolder] {
        let parent = project.directory + "/plugins"
        let names = (try? FileManager.default.contentsOfDirectory(atPath: parent)) ?? []
        var folders: [PluginFolder] = []
        for name in names.sorted() {
            let file = "\(parent)/\(name)/plugin.yaml"
            guard FileReading.exists(file) else { continue }
            let shown = FileReading.shown(file)
            let (manifest, report) = FieldFile.load(
                PluginManifest.self, try FileReading.yaml(of: file), file: shown, subject: "plugin.yaml",
                advice: "docs/plugins.md describes its keys"
            ) { value throws(FieldError) in try PluginManifest(manifest: value) }
            folders.append(PluginFolder(path: "\(parent)/\(name)", manifest: manifest, report: report))
        }
        return folders
    }
}
