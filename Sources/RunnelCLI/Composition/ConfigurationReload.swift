import Logging
import RunnelEngine
import RunnelHTTP
import RunnelKit
import RunnelServer
import RunnelSupport
import Telemetry
import YAML

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

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
    let server: RunnelServer
    let housekeeping: Housekeeping
    let reports: ServiceReports
    /// The services of the steps; nil with a simulator, which does not use the configured credentials.
    let services: Services?
    let level: LogLevel
    let logger: Logger
    /// The plugins as they were at startup.
    private let plugins: [String: PluginVersion]
    /// The files that the configuration named at startup.
    private let configuredFiles: [ConfiguredFiles.File]
    private var files: FileChanges
    /// The problems with the values of secrets, tokens and other credentials: by setting, or by the name of the plugin.
    private var valueProblems: [String: String] = [:]

    /// Whether a setting is applied to a running server.
    ///
    /// - Parameter credentials: The paths of the credentials of plugins.
    private func isApplicable(_ path: String, _ credentials: Set<String>, _ now: Project) -> Bool {
        var beginnings = [
            "log.level", "runs.limit", "runs.max_queued", "journal.keep", "journal.password", "dedupe.", "deliveries.",
            "server.token",
        ]
        for (section, old, new) in Self.receivers(of: project, now) where Self.isSame(old, new) {
            beginnings.append("\(section).headers.")
        }
        return credentials.contains(path) || beginnings.contains { path.hasPrefix($0) }
    }

    private static func receivers(of old: Project, _ new: Project) -> [(String, OTLPReceiver?, OTLPReceiver?)] {
        [
            ("traces", old.traces?.receiver, new.traces?.receiver),
            ("metrics", old.metrics?.receiver, new.metrics?.receiver),
        ]
    }

    /// Whether header fields can be replaced: those of another end point wait for the restart, as the end point does.
    private static func isSame(_ old: OTLPReceiver?, _ new: OTLPReceiver?) -> Bool {
        old != nil && old?.endpoint.text == new?.endpoint.text
    }

    init(
        options: ProjectOptions, project: Project, host: PipelineHost, queue: RunQueue, server: RunnelServer,
        housekeeping: Housekeeping, reports: ServiceReports, services: Services?, level: LogLevel, logger: Logger
    ) {
        (self.options, self.project, self.host, self.level, self.logger) = (options, project, host, level, logger)
        self.services = services
        applied = project
        (self.queue, self.server, self.housekeeping, self.reports) = (queue, server, housekeeping, reports)
        plugins = PluginVersion.all(in: PluginFolder.all(of: project))
        configuredFiles = project.configuredFiles.all
        files = FileChanges(of: Self.files(of: project))
    }

    /// Reloads everything.
    func run() async {
        reports.reloadBegins()
        let files = await host.reload()
        let served = await host.all.count { $0.pipeline != nil }
        var text = "Reloaded: \(served) pipeline\(served == 1 ? "" : "s")"
        if !files.isEmpty { text += ", read \(files.joined(separator: ", "))" }
        // The errors of an invalid configuration have been logged.
        if let outcome = await apply() {
            text += outcome
        } else {
            text += "; the configuration has errors, so the current one is kept"
        }
        announce(text)
        await reports.reloadEnded()
    }

    private func announce(_ text: String) {
        project.settings.log.format.announce(project.redactor.redactMessage(text))
    }

    /// Watches the files of the configuration until the task is cancelled.
    func watch() async {
        while (try? await ContinuousClock().sleep(untilNext: Self.interval)) != nil {
            guard let changed = files.changed else { continue }
            let shown = FileReading.shown(changed)
            // Taken before the files are read, so that a change during the read is seen the next time.
            files = FileChanges(of: Self.files(of: applied))
            reports.reloadBegins()
            if let outcome = await apply() {
                // Pipelines may use a plugin or a secret that was missing.
                _ = await host.reload()
                let text = outcome.isEmpty ? "; the configuration is the same" : outcome
                announce("\(shown) has changed\(text)")
            } else {
                announce("\(shown) has changed; the configuration has errors, so the current one is kept")
            }
            await reports.reloadEnded()
            files.add(Self.files(of: applied))
        }
    }

    private static let interval = Duration.seconds(2)

    /// `runnel.yaml`, `.env`, the files of secrets, and those of plugins.
    private static func files(of project: Project) -> [String] {
        let plugins = project.directory + "/plugins"
        // Includes folders without a manifest, where one may be created.
        let names = (try? FileManager.default.contentsOfDirectory(atPath: plugins)) ?? []
        return [FileReading.absolute(project.report.source.name), plugins] + project.secretFiles
            + [project.environmentFile].compactMap(\.self) + names.map { "\(plugins)/\($0)/plugin.yaml" }
            + PluginFolder.all(of: project).flatMap(\.serverFiles)
    }

    /// The configuration as it is on disk; nil if it has errors, which are logged and shown until they are put right.
    private func read() async -> Project? {
        let errors: [String]
        do throws(FileReading.Failure) {
            switch try options.find(runsCommands: true, seal: project.seal) {
            case .success(let now):
                try checkFiles(of: now)
                now.report.log(to: logger, after: applied.report)
                return now
            case .failure(let invalid):
                invalid.report.log(to: logger, after: applied.report)
                errors = invalid.report.diagnostics.sortedByPlace().filter { $0.severity == .error }
                    .map(DiagnosticPrinter.line)
            }
        } catch {
            logger.error("\(error.message)")
            errors = [error.message]
        }
        await showProblems(errors)
        return nil
    }

    /// Throws if a file of the applied configuration is missing or empty, for example while an editor replaces it or
    /// because the disk is full. Retention with default settings could remove runs that must be kept.
    private func checkFiles(of now: Project) throws(FileReading.Failure) {
        let advice = "put it back, or restart Runnel to go on without it"
        if let gone = applied.configurationFiles.first(where: { !now.configurationFiles.contains($0) }) {
            throw FileReading.Failure(message: "\"\(FileReading.shown(gone))\" is gone; \(advice)")
        }
        if Self.leaves(of: now).isEmpty, !Self.leaves(of: applied).isEmpty {
            throw FileReading.Failure(message: "\"\(now.report.source.name)\" has no settings any more; \(advice)")
        }
    }

    /// Shows what is wrong with the configuration, beside the secrets and tokens without a value.
    private func showProblems(_ errors: [String]) async {
        let problems = errors + valueProblems.sorted { $0.key < $1.key }.map { $0.value }
        await host.setConfigurationProblems(problems.map { project.redactor.redactMessage($0) })
    }

    /// Applies what can change.
    ///
    /// - Returns: What was applied, and what needs a restart; nil if the configuration has errors, which were logged.
    private func apply() async -> String? {
        guard var now = await read() else { return nil }
        // Makes a token if the settings have none, as at startup.
        if now.serverToken == nil, (try? TokenFile(in: now.stateDirectory).make()) != nil, let again = await read() {
            now = again
        }
        level.set(now.settings.log.level)
        await queue.setLimits(
            now.settings.runs.limit.number, maximumQueued: now.settings.runs.maxQueued.number,
            maximumQueuedBytes: now.settings.runs.maxQueuedBytes.bytes)
        housekeeping.set(now.settings.retention)
        host.setDedupe(now.settings.dedupe.keep)
        // What needs a restart still uses the files of before.
        project.configuredFiles.replace(with: configuredFiles + now.configuredFiles.all)
        var text = ""
        let changes = Self.changes(from: applied, to: now)
        let formerProblems = valueProblems
        let (variables, secrets) = applyValues(of: now)
        let plugins = ProjectPlugins.credentialPlugins(of: now)
        await renewCredentials(of: plugins, now, changes)
        applyJournalPassword(of: now)
        applyTokens(of: now)
        applyHeaders(of: now)
        // Each problem is logged once, until it changes.
        let problems = valueProblems.filter { formerProblems[$0.key] != $0.value }.sorted { $0.key < $1.key }
        let credentials = Set(plugins.flatMap { $0.credentialPaths })
        let kept = plugins.filter { valueProblems[$0.name] != nil }.flatMap { $0.credentialPaths }
        let pending = pendingRestart(of: now, credentials)
        var taken = changes.filter { isApplicable($0, credentials, now) }
            .subtracting(valueProblems.keys).subtracting(kept).union(variables).subtracting(pending)
        if taken.remove("log.level") != nil { text += "; `log.level` is \(level.value)" }
        if !taken.isEmpty { text += "; applied \(Quote.names(taken.sorted()))" }
        text += (secrets + problems.map { $0.value }).map { "; \($0)" }.joined()
        applied = now
        if !pending.isEmpty { text += "; restart Runnel to apply \(Quote.names(pending))" }
        server.setSettings(now.effectiveSettings, pending: pending)
        await host.setPendingRestart(pending)
        await showProblems([])
        return text
    }

    /// Replaces the values of the secrets and variables that pipelines could use at startup. The seal must have the new
    /// secrets already.
    ///
    /// - Returns: The paths of the changed variables, and a clause for the log about each changed secret.
    private func applyValues(of now: Project) -> (variables: [String], secrets: [String]) {
        var (secrets, env) = (project.values.secrets, project.values.env)
        var words: [String] = []
        for name in secrets.keys.sorted() {
            valueProblems["secrets.\(name)"] = now.unavailableSecrets[name].map {
                "secret \"\(name)\" keeps its value: \($0)"
            }
            guard let value = now.secrets[name], value != secrets[name] else { continue }
            secrets[name] = value
            words.append("secret \"\(name)\" has changed and is in use")
        }
        let variables = Set(project.settings.env).filter { env[$0] != now.env[$0] }.sorted()
        for name in variables { env[name] = now.env[name] }
        project.values.replace(secrets: secrets, env: env)
        return (variables.map { "env.\($0)" }, words)
    }

    /// Makes new connections to the journal's database use the current `journal.password`, unless it has no value.
    private func applyJournalPassword(of now: Project) {
        let password = now.journalPassword.value
        if case .failure(let unavailable)? = password?() {
            valueProblems["journal.password"] = "`journal.password` \(unavailable.predicate)"
        } else {
            valueProblems["journal.password"] = nil
            project.journalPassword.update { $0 = password }
        }
    }

    /// Replaces the tokens of the API. One that has no value any more keeps its former one.
    private func applyTokens(of now: Project) {
        valueProblems = valueProblems.filter { !$0.key.hasPrefix("server.") }
        var tokens: [APIToken] = []
        for token in now.apiTokens {
            switch token.value {
            case .success(let value):
                tokens.append(APIToken(name: token.name, value: value, scope: token.scope))
            case .failure(let unavailable):
                var problem = "`\(token.setting)` \(unavailable.predicate)"
                if let kept = server.apiTokens.first(where: { $0.name == token.name }) {
                    tokens.append(APIToken(name: kept.name, value: kept.value, scope: token.scope))
                    problem += "; its former value stays valid"
                }
                valueProblems[token.setting] = problem
            }
        }
        // Without any token, every client on this machine would be admitted.
        if !tokens.isEmpty { server.setAPITokens(tokens) }
    }

    /// Makes the exporters of traces and metrics use the current header fields. One that has no value any more keeps its
    /// former one.
    private func applyHeaders(of now: Project) {
        for (section, old, new) in Self.receivers(of: project, now) {
            let path = "\(section).headers."
            valueProblems = valueProblems.filter { !$0.key.hasPrefix(path) }
            guard Self.isSame(old, new), let old, let new else { continue }
            var headers = new.headers
            for (setting, problem) in now.lostHeaders where setting.hasPrefix(path) {
                let kept = old.headers.filter { path + $0.name == setting }
                headers += kept
                valueProblems[setting] = problem + (kept.isEmpty ? "" : "; its former value is used")
            }
            old.headers = headers
        }
    }

    /// Makes plugins use their current credentials, if one has changed or has lost its value, or if this failed the last
    /// time.
    ///
    /// - Parameter changes: The paths of all changed settings.
    private func renewCredentials(
        of plugins: [any CredentialPlugin], _ now: Project, _ changes: Set<String>
    ) async {
        guard let services else { return }
        let lost = applied.settingSecrets.keys.filter { now.settingSecrets[$0] == nil }
        let changes = changes.union(lost.map { $0.replacing("/", with: ".") })
        for plugin in plugins
        where valueProblems[plugin.name] != nil || !plugin.credentialPaths.isDisjoint(with: changes) {
            do {
                try await plugin.renewCredentials(in: services)
                valueProblems[plugin.name] = nil
            } catch {
                valueProblems[plugin.name] = "the plugin \"\(plugin.name)\" keeps its credentials: \(error)"
            }
        }
    }

    /// The settings, secrets and plugins that differ from those in use.
    private func pendingRestart(of now: Project, _ credentials: Set<String>) -> [String] {
        let inUse = project.values.secrets
        let changesRecording = project.settings.deliveries.areKept != now.settings.deliveries.areKept
        var names = Self.changes(from: project, to: now).filter { path in
            if path.hasPrefix("deliveries.") { return changesRecording }
            guard path.hasPrefix("secrets.") else { return !isApplicable(path, credentials, now) }
            let name = String(path.dropFirst("secrets.".count))
            return inUse[name] == nil || now.settings.secrets[name] == nil
        }
        let folders = PluginFolder.all(of: now)
        let plugins = PluginVersion.all(in: folders)
        for name in Set(self.plugins.keys).union(plugins.keys) where self.plugins[name] != plugins[name] {
            names.insert("plugins/\(name)")
        }
        for folder in folders where folder.serverSecrets.contains(where: { inUse[$0] != project.secrets[$0] }) {
            names.insert("plugins/\(folder.name)")
        }
        return names.sorted().map { project.redactor.redact($0) }
    }

    /// The paths of all changed settings, including those whose secret has changed.
    static func changes(from old: Project, to new: Project) -> Set<String> {
        let (before, after) = (leaves(of: old), leaves(of: new))
        var changes = Set(before.keys).union(after.keys).filter { before[$0] != after[$0] }
        changes.formUnion(
            Set(old.secrets.keys).union(new.secrets.keys).filter { old.secrets[$0] != new.secrets[$0] }
                .map { "secrets.\($0)" })
        // A token without a value is no change: a restart could not apply it.
        if let token = try? new.serverToken?.get(), token != (try? old.serverToken?.get()) {
            changes.insert("server.token")
        }
        let secrets = new.settingSecrets.filter { old.settingSecrets[$0.key] != $0.value }
        for path in secrets.keys where !path.hasPrefix("plugins/") {
            let name = path.replacing("/", with: ".")
            if !changes.contains(where: { $0.hasPrefix(name + ".") }) { changes.insert(name) }
        }
        let (former, current) = (overrides(of: old), overrides(of: new))
        changes.formUnion(Set(former.keys).union(current.keys).filter { former[$0] != current[$0] })
        let plugins = Set(old.pluginSettings.values.keys).union(new.pluginSettings.values.keys)
        for name in plugins where old.pluginSettings.values[name] != new.pluginSettings.values[name] {
            if !changes.contains(where: { $0.hasPrefix("plugins.\(name)") }) { changes.insert("plugins.\(name)") }
        }
        return changes
    }

    /// The settings that environment variables override, by key.
    private static func overrides(of project: Project) -> [String: EffectiveSetting.Value] {
        let overrides = project.effectiveSettings.filter { setting in
            if case .environment = setting.source { true } else { false }
        }
        return Dictionary(overrides.map { ($0.key, $0.value) }, uniquingKeysWith: { first, _ in first })
    }

    private static func leaves(of project: Project) -> [String: Value] {
        var leaves: [String: Value] = [:]
        collect(project.fileSettings, [], into: &leaves)
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

extension LoadReport {
    /// Logs each diagnostic in one line, at its severity.
    ///
    /// - Parameter former: A report that was logged before; its warnings are not repeated.
    func log(to logger: Logger, after former: LoadReport? = nil) {
        let known = Set((former?.diagnostics ?? []).map { DiagnosticPrinter.line($0) })
        for diagnostic in diagnostics.sortedByPlace() {
            let line = DiagnosticPrinter.line(diagnostic)
            if diagnostic.severity == .error {
                logger.error("\(line)")
            } else if !known.contains(line) {
                logger.warning("\(line)")
            }
        }
    }
}

/// The parts of a plugin's folder that are read only at startup.
private struct PluginVersion: Equatable {
    let manifest: String
    let files: [String: FileVersion?]

    /// The versions of all folders, by the plugin's name.
    static func all(in folders: [PluginFolder]) -> [String: PluginVersion] {
        let versions = folders.map { folder in
            let files = folder.serverFiles.map { ($0, FileVersion($0)) }
            return (
                folder.name,
                PluginVersion(
                    manifest: folder.report.source.text,
                    files: Dictionary(files, uniquingKeysWith: { first, _ in first }))
            )
        }
        return Dictionary(versions, uniquingKeysWith: { first, _ in first })
    }
}
