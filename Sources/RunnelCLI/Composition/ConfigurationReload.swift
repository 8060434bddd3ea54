import RunnelEngine
import RunnelKit
import YAML

/// Reloads the configuration of `runnel serve`, on SIGHUP and when its files change: applies what can change at run time,
/// and reports what needs a restart.
actor ConfigurationReload {
    let options: ProjectOptions
    /// The project as loaded at startup.
    let project: Project
    /// The project as last applied.
    private var applied: Project
    let host: PipelineHost
    let queue: RunQueue
    let housekeeping: Housekeeping
    let level: LogLevel
    private let manifests: [String: String]

    /// The settings that are applied to a running server, by the beginning of their path.
    private static func isApplicable(_ path: String) -> Bool {
        ["log.level", "runs.limit", "runs.max_queued", "journal.keep", "dedupe."].contains { path.hasPrefix($0) }
    }

    init(
        options: ProjectOptions, project: Project, host: PipelineHost, queue: RunQueue, housekeeping: Housekeeping,
        level: LogLevel
    ) {
        (self.options, self.project, self.host, self.level) = (options, project, host, level)
        applied = project
        (self.queue, self.housekeeping) = (queue, housekeeping)
        manifests = Self.manifests(of: project)
    }

    /// Reloads everything.
    func run() async {
        let files = await host.reload()
        let served = await host.all.count { $0.pipeline != nil }
        var text = "Reloaded: \(served) pipeline\(served == 1 ? "" : "s")"
        if !files.isEmpty { text += " (\(files.joined(separator: ", ")))" }
        // The errors of an invalid configuration have been printed.
        if let outcome = await apply() {
            text += outcome
        } else {
            text += "; the configuration has errors, so the current one is kept"
        }
        announce(text)
    }

    private func announce(_ text: String) {
        project.settings.log.format.announce(project.redactor.redact(text))
    }

    /// Watches the files of the configuration until the task is cancelled.
    func watch() async {
        while true {
            let files = FileChanges(of: watchedFiles)
            var changed: String?
            while changed == nil {
                guard (try? await ContinuousClock().sleep(for: Self.interval)) != nil else { return }
                changed = files.changed
            }
            let shown = changed.map { FileReading.shown($0) } ?? ""
            if let outcome = await apply() {
                // Pipelines may use a plugin or a secret that was missing.
                _ = await host.reload()
                let text = outcome.isEmpty ? "; the configuration is the same" : outcome
                announce("\(shown) has changed\(text)")
            } else {
                announce("\(shown) has changed; the configuration has errors, so the current one is kept")
            }
        }
    }

    private static let interval = Duration.seconds(2)

    /// `runnel.yaml`, the files of secrets, and the manifests of plugins.
    private var watchedFiles: [String] {
        let folders = PluginFolder.all(of: project)
        return [FileReading.absolute(project.report.source.name), project.directory + "/plugins"]
            + project.secretFiles + folders.map { $0.path + "/plugin.yaml" }
    }

    /// Applies the settings that can change.
    ///
    /// - Returns: What was applied, and what needs a restart; nil if the configuration has errors, which were printed.
    private func apply() async -> String? {
        guard let now = try? options.project(runsCommands: true) else { return nil }
        level.set(now.settings.log.level)
        await queue.setLimits(
            now.settings.runs.limit.number, maximumQueued: now.settings.runs.maxQueued.number,
            maximumQueuedBytes: now.settings.runs.maxQueuedBytes.bytes)
        housekeeping.set(now.settings.retention)
        var text = ""
        var taken = Self.changes(from: applied, to: now).filter(Self.isApplicable)
        if taken.remove("log.level") != nil { text += "; `log.level` is \(level.value)" }
        if !taken.isEmpty {
            text += "; applied " + taken.sorted().map { "`\($0)`" }.joined(separator: ", ")
        }
        applied = now
        var changes = Self.changes(from: project, to: now).filter { !Self.isApplicable($0) }
        let manifests = Self.manifests(of: now)
        for name in Set(self.manifests.keys).union(manifests.keys) where self.manifests[name] != manifests[name] {
            changes.insert("plugins/\(name)")
        }
        if !changes.isEmpty {
            let list = changes.sorted().map { "`\($0)`" }.joined(separator: ", ")
            text += "; restart Runnel to apply \(list)"
        }
        return text
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
        let folders = PluginFolder.all(of: project)
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
