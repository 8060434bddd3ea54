import RunnelEngine
import RunnelKit
import YAML

/// What SIGHUP does to `runnel serve`: takes up what can be taken up while runs go on, and says what needs a restart.
struct ConfigurationReload: Sendable {
    let options: ProjectOptions
    /// As it was when the process began.
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
        // A configuration with errors has been printed.
        guard let now = try? options.project() else {
            return Streams.error.write(redactor.redact(text + "; the configuration has errors and stays as it was\n"))
        }
        level.set(now.settings.log.level)
        var changes = Self.changes(from: project, to: now)
        if changes.remove("log.level") != nil { text += "; `log.level` is \(now.settings.log.level.rawValue)" }
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

    /// The paths of all settings that differ, with those whose secret has another value now.
    static func changes(from old: Project, to new: Project) -> Set<String> {
        let (before, after) = (leaves(of: old), leaves(of: new))
        var changes = Set(before.keys).union(after.keys).filter { before[$0] != after[$0] }
        changes.formUnion(
            Set(old.secrets.keys).union(new.secrets.keys).filter { old.secrets[$0] != new.secrets[$0] }
                .map { "secrets.\($0)" })
        let sensitive: [(String, (Project) -> String?)] = [
            ("marketplace.client_secret", { try? $0.clientSecret?.get() }),
            ("marketplace.token", { try? $0.token?.get() }), ("server.token", { try? $0.serverToken?.get() }),
        ]
        for (path, value) in sensitive where value(old) != value(new) { changes.insert(path) }
        let plugins = Set(old.pluginSettings.values.keys).union(new.pluginSettings.values.keys)
        for name in plugins where old.pluginSettings.values[name] != new.pluginSettings.values[name] {
            if !changes.contains(where: { $0.hasPrefix("plugins.\(name)") }) { changes.insert("plugins.\(name)") }
        }
        return changes
    }

    /// What `plugins/` holds, by folder.
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
        // Where a secret comes from is one setting.
        let isSource = value.asObject.map { $0.count == 1 && ["env", "file", "command"].contains($0.first?.key) }
        if let object = value.asObject, isSource != true {
            for (key, value) in object { collect(value, path + [key], into: &leaves) }
        } else if !path.isEmpty {
            leaves[path.joined(separator: ".")] = value
        }
    }
}
