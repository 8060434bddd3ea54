import RunnelEngine
import RunnelKit
import YAML

/// Reloads the configuration of `runnel serve` on SIGHUP: applies what can change at run time, and reports what needs a
/// restart.
struct ConfigurationReload: Sendable {
    let options: ProjectOptions
    /// The project as loaded at startup.
    let project: Project
    let host: PipelineHost
    let level: LogLevel
    private let manifests: [String: String]

    init(options: ProjectOptions, project: Project, host: PipelineHost, level: LogLevel) {
        (self.options, self.project, self.host, self.level) = (options, project, host, level)
        manifests = Self.manifests(of: project)
    }

    func run() async {
        let redactor = project.redactor
        let files = await host.reload()
        let served = await host.all.count { $0.pipeline != nil }
        var text = "Reloaded: \(served) pipeline\(served == 1 ? "" : "s")"
        if !files.isEmpty { text += " (\(files.joined(separator: ", ")))" }
        // The errors of an invalid configuration have been printed.
        guard let now = try? options.project(runsCommands: true) else {
            return Streams.error.write(
                redactor.redact(text + "; the configuration has errors, so the current one is kept\n"))
        }
        level.set(now.settings.log.level)
        var changes = Self.changes(from: project, to: now)
        if changes.remove("log.level") != nil { text += "; `log.level` is \(level.value)" }
        let manifests = Self.manifests(of: now)
        for name in Set(self.manifests.keys).union(manifests.keys) where self.manifests[name] != manifests[name] {
            changes.insert("plugins/\(name)")
        }
        if !changes.isEmpty {
            let list = changes.sorted().map { "`\($0)`" }.joined(separator: ", ")
            text += "; restart Runnel to apply \(list)"
        }
        Streams.error.write(redactor.redact(text + "\n"))
    }

    /// The paths of all changed settings, including those whose secret has changed.
    static func changes(from old: Project, to new: Project) -> Set<String> {
        let (before, after) = (leaves(of: old), leaves(of: new))
        var changes = Set(before.keys).union(after.keys).filter { before[$0] != after[$0] }
        changes.formUnion(
            Set(old.secrets.keys).union(new.secrets.keys).filter { old.secrets[$0] != new.secrets[$0] }
                .map { "secrets.\($0)" })
        if (try? old.serverToken?.get()) != (try? new.serverToken?.get()) { changes.insert("server.token") }
        let (secrets, now) = (old.pluginSettings.secrets, new.pluginSettings.secrets)
        for path in Set(secrets.keys).union(now.keys) where !path.hasPrefix("plugins/") && secrets[path] != now[path] {
            changes.insert(path.replacing("/", with: "."))
        }
        let plugins = Set(old.pluginSettings.values.keys).union(new.pluginSettings.values.keys)
        for name in plugins where old.pluginSettings.values[name] != new.pluginSettings.values[name] {
            if !changes.contains(where: { $0.hasPrefix("plugins.\(name)") }) { changes.insert("plugins.\(name)") }
        }
        return changes
    }

    /// The manifests in `plugins/`, by folder.
    private static func manifests(of project: Project) -> [String: String] {
        let folders = (try? PluginFolder.all(of: project)) ?? []
        return Dictionary(folders.map { ($0.name, $0.report.source.text) }, uniquingKeysWith: { first, _ in first })
    }

    private static func leaves(of project: Project) -> [String: Value] {
        let source = project.report.source
        guard let root = try? YAMLParser.parse(Array(source.text.utf8), name: source.name).root else { return [:] }
        var leaves: [String: Value] = [:]
        collect(Value(root), [], into: &leaves)
        return leaves
    }

    private static func collect(_ value: Value, _ path: [String], into leaves: inout [String: Value]) {
        // The source of a secret is a single setting.
        let isSource = value.asObject.map { $0.count == 1 && ["env", "file", "command"].contains($0.first?.key) }
        if let object = value.asObject, isSource != true {
            for (key, value) in object { collect(value, path + [key], into: &leaves) }
        } else if !path.isEmpty {
            leaves[path.joined(separator: ".")] = value
        }
    }
}
