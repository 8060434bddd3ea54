import MCP
import RunnelEngine
import RunnelKit
import RunnelProcess
import YAML

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// A folder below `plugins/` that holds a `plugin.yaml`.
struct PluginFolder: Sendable {
    /// Absolute.
    let path: String
    /// nil if `plugin.yaml` has errors or cannot be read.
    let manifest: PluginManifest?
    let report: LoadReport

    /// The plugin's name; the folder's name if the manifest has errors.
    var name: String { manifest?.name.text ?? String(path.split(separator: "/").last ?? "") }

    /// Whether its program is long-running: an MCP server, or the program of a trigger. Others are started for each call.
    private var isLongRunning: Bool { manifest.map { $0.interface == .mcp || !$0.triggers.isEmpty } ?? false }

    /// What the command names in the folder.
    private var commandFiles: [String] {
        (manifest?.command?.words ?? []).map { word in
            word.hasPrefix(path + "/") ? word : "\(path)/\(word)"
        }.filter { FileReading.exists($0) }
    }

    /// The files in the folder that the command of a long-running program names.
    var serverFiles: [String] { isLongRunning ? commandFiles : [] }

    /// What decides which program is executed: the folder, `plugin.yaml`, and the files of the command with the folders on
    /// the way to them.
    var executed: [String] {
        var executed = [path, path + "/plugin.yaml"]
        for file in commandFiles.map(FileReading.absolute) {
            var places = [file]
            while let place = places.last.map(FileReading.folder), place.hasPrefix(path + "/") { places.append(place) }
            executed += places.reversed().filter { !executed.contains($0) }
        }
        return executed
    }

    /// The names of the secrets that a long-running program gets when it starts.
    var serverSecrets: [String] { isLongRunning ? (manifest?.secrets ?? []).map(\.name) : [] }

    /// The reason why it must not be started: it, or what it executes, belongs to another user.
    func problem(_ trust: Trust) -> Trust.Problem? {
        executed.lazy.compactMap { trust.problem(with: $0, in: path) }.first
    }

    /// What is wrong with the program of its command; nil if it is there.
    var missingProgram: ProgramSearch.Problem? {
        manifest?.missingProgram(in: path, variables: ProcessInfo.processInfo.environment)
    }

    /// The report, with a warning for a missing program: it may exist on the machine where the pipelines run.
    func completeReport(in project: Project) -> LoadReport {
        guard let problem = missingProgram else { return report }
        let warning = FieldError(
            problem.message, hint: problem.hint, path: [.key("command")], code: PluginErrorCode.pluginCommandNotFound)
        return OutsideLink.checked(
            report.adding(warning, .warning), of: path + "/plugin.yaml", in: project.directory)
    }

    /// All plugin folders of a project, by name. Folders without `plugin.yaml` are ignored; a `plugin.yml` is an error.
    static func all(of project: Project) -> [PluginFolder] {
        all(in: project.directory, secrets: project.settings.secrets.keys.sorted())
    }

    /// - Parameters:
    ///   - directory: The project's folder, absolute.
    ///   - secrets: The names of its secrets.
    static func all(in directory: String, secrets: [String]) -> [PluginFolder] {
        let parent = directory + "/plugins"
        guard let names = try? FileManager.default.contentsOfDirectory(atPath: parent) else {
            guard FileReading.isFolder(parent) else { return [] }
            return [unreadable(parent, "cannot read the folder; let the user who runs Runnel read and enter it")]
        }
        return names.sorted().compactMap { name -> PluginFolder? in
            let (folder, file) = ("\(parent)/\(name)", "\(parent)/\(name)/plugin.yaml")
            do throws(FileReading.Failure) {
                guard FileReading.exists(file) else {
                    try FileReading.refuseOtherEnding(of: file)
                    return nil
                }
                let (manifest, loaded) = FieldFile.load(
                    PluginManifest.self, try FileReading.yaml(of: file), file: FileReading.shown(file),
                    subject: "plugin.yaml", advice: "docs/plugins.md describes its keys"
                ) { value throws(FieldError) in try PluginManifest(manifest: value) }
                let report = (manifest?.secretProblems(among: secrets) ?? []).reduce(loaded) { $0.adding($1) }
                return PluginFolder(
                    path: folder, manifest: manifest,
                    report: OutsideLink.checked(report, of: file, in: directory))
            } catch {
                return unreadable(folder, error.message, file: file)
            }
        }
    }

    /// - Parameter file: The file that cannot be read; nil for the folder itself.
    private static func unreadable(_ folder: String, _ message: String, file: String? = nil) -> PluginFolder {
        let shown = FileReading.shown(file ?? folder)
        let problem = Diagnostic(CommandErrorCode.pluginUnreadable, file: shown, range: nil, message)
        return PluginFolder(
            path: folder, manifest: nil,
            report: LoadReport(source: YAMLSource(name: shown, text: ""), diagnostics: [problem]))
    }
}

extension PluginManifest {
    /// An error for each secret that the project does not have.
    fileprivate func secretProblems(among known: [String]) -> [FieldError] {
        secrets.filter { !known.contains($0.name) }.map { secret in
            FieldError(
                "there is no secret \"\(secret.name)\"",
                hint: Suggestion.hint(for: secret.name, among: known)
                    ?? "name it under `secrets:` in runnel.yaml",
                path: secret.path, code: PipelineErrorCode.unknownReference)
        }
    }
}

extension Project {
    /// A loader of pipelines with all plugins of this project; prints problems of plugins.
    ///
    /// - Parameter startsServers: Whether an MCP server with unknown tools is started to list them. Read-only commands
    ///   start nothing.
    /// - Parameter simulates: Whether a simulator stands in for the agents, so that none has to be configured.
    func loader(startsServers: Bool = false, simulates: Bool = false) async throws -> PipelineLoader {
        let plugins = try await ProjectPlugins.load(
            self, discovery: startsServers ? .whenMissing : .cached, simulates: simulates)
        plugins.write(redactor: redactor)
        return try PipelineLoader(registry: plugins.registry, names: names, project: files(), distrust: distrust)
    }
}
