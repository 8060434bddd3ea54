import JSONSchema
import LibC
import RunnelEngine
import RunnelKit
import RunnelProcess

/// Finds the files below a project's folder that its configuration names: those of secrets, keys and certificates, the
/// configuration itself, and the programs of `{ command: […] }` and of plugins.
struct ConfiguredFileFinder {
    /// Absolute.
    private let folder: String
    private let plugins: [String: SchemaPlace]
    private var files: [ConfiguredFiles.File] = []

    /// - Parameter settings: What is in effect. Those of all profiles count too.
    static func files(
        of project: Project, _ folders: [PluginFolder], settings: Value
    ) -> [ConfiguredFiles.File] {
        var finder = ConfiguredFileFinder(project.directory, folders)
        if let file = project.environmentFile { finder.add(file, because: "holds settings and secrets") }
        for file in project.configurationFiles { finder.add(file, because: "is the configuration of a project") }
        let place = SchemaPlace(SettingsShape(RunnelCommand.plugins.settingsSections).schema)
        for settings in [settings] + project.settingRoots.map({ Value($0) }) { finder.visit(settings, [], place) }
        for plugin in folders {
            let reason = "is a program of the plugin \"\(plugin.name)\""
            finder.add(command: plugin.manifest?.command?.words ?? [], in: plugin.path, because: reason)
        }
        return finder.files
    }

    private init(_ folder: String, _ plugins: [PluginFolder]) {
        self.folder = folder
        self.plugins = PluginSettings.schemas(of: plugins).mapValues { SchemaPlace($0) }
    }

    private mutating func visit(_ value: Value, _ path: [String], _ place: SchemaPlace?) {
        // Data for templates, and settings that are visited by themselves.
        if path == ["vars"] || path == ["profiles"] { return }
        let reason = "is named by `\(path.joined(separator: "."))`"
        if let file = value.asString {
            if place?.has(format: SettingsFile.format) ?? false { add(file, because: reason) }
        } else if let object = value.asObject {
            switch (try? SensitiveValue(field: value))?.source {
            case .file(let file): add(file, because: reason)
            case .command(let words, _): add(command: words, in: folder, because: reason)
            default:
                for (key, member) in object {
                    visit(member, path + [key], path == ["plugins"] ? plugins[key] : place?[key])
                }
            }
        } else {
            for (index, item) in (value.asList ?? []).enumerated() {
                visit(item, path + [String(index)], place?[index])
            }
        }
    }

    /// The program, if it is named by its path, and the files among the arguments.
    private mutating func add(command words: [String], in folder: String, because reason: String) {
        for (index, word) in words.enumerated() {
            let file = word.hasPrefix("/") ? word : folder + "/" + word
            let isFile = FileReading.exists(file) && !FileReading.isFolder(file)
            if isFile || index == 0 && word.contains("/") { add(file, because: reason) }
        }
    }

    /// - Parameter path: Absolute, or relative to the project's folder.
    private mutating func add(_ path: String, because reason: String) {
        let path = path.hasPrefix("/") ? path : folder + "/" + path
        let places = [(FileReading.absolute(path), folder), (realPath(path), realPath(folder))]
        for case (let file?, let folder?) in places {
            let start = folder == "/" ? folder : folder + "/"
            guard file.utf8.starts(with: start.utf8) else { continue }
            let parts = file.utf8.dropFirst(start.utf8.count).split(separator: UInt8(ascii: "/"))
            guard !parts.isEmpty else { continue }
            files.append(ConfiguredFiles.File(parts.map { String(decoding: $0, as: UTF8.self) }, because: reason))
        }
    }
}
