import JSONSchema
import RunnelEngine
import RunnelKit
import RunnelProcess
import RunnelSupport

/// `plugins:` of `runnel.yaml`, with secrets resolved.
struct PluginSettings: Sendable {
    /// Those below `plugins:`, by the plugin's name.
    private(set) var values: [String: Value] = [:]
    /// Those in sections, by the section's key.
    private(set) var sections: [String: Value] = [:]
    /// The resolved secrets by path: `plugins/weather/key`.
    private(set) var secrets: [String: String] = [:]
    /// Why something below `plugins:` could not be fetched, by plugin.
    private(set) var problems: [String: String] = [:]

    /// The folder of `runnel.yaml`, absolute.
    private let folder: String

    /// The schemas of what stands below `plugins:`, by the plugin's name.
    static func schemas(of folders: [PluginFolder]) -> [String: Value] {
        let stock = RunnelCommand.plugins.compactMap { plugin in
            (plugin as? any ConfigurablePlugin).map { (plugin.name, $0.settingsSchema) }
        }
        let others = folders.compactMap { folder in folder.manifest?.settings.map { (folder.name, $0.source) } }
        return Dictionary(stock + others, uniquingKeysWith: { first, _ in first })
    }

    /// - Parameter schemas: See ``schemas(of:)``.
    init(
        _ settings: [String: Value], schemas: [String: Value], sections: [String: Value], of plugins: [any Plugin],
        resolver: SensitiveResolver, folder: String
    ) {
        self.folder = folder
        for (plugin, value) in settings {
            // An empty section has no settings.
            let place = schemas[plugin].map { SchemaPlace($0) }
            var problem: String?
            values[plugin] =
                value.isNull
                ? [:]
                : fetch(value, "plugins/\(plugin)", place, resolver) { path, reason in
                    problem = "`\(path.replacing("/", with: "."))` \(UnavailableSecret(reason: reason).predicate)"
                    return .null
                }
            problems[plugin] = problem
        }
        for section in plugins.settingsSections {
            guard let value = sections[section.key] else { continue }
            // The plugin says so where it needs the value, and does the rest of its work without.
            self.sections[section.key] = fetch(value, section.key, SchemaPlace(section.schema), resolver) { _, reason in
                SensitiveValue.unavailable(because: reason)
            }
        }
    }

    /// - Parameters:
    ///   - place: The schema of the value, where it is known.
    ///   - unavailable: The replacement for a value that cannot be fetched.
    private mutating func fetch(
        _ value: Value, _ path: String, _ place: SchemaPlace?, _ resolver: SensitiveResolver,
        unavailable: (_ path: String, _ reason: String) -> Value
    ) -> Value {
        let isReference =
            value.asObject.map { object in
                (object.count == 1 && (object["env"] ?? object["file"]) != nil) || object["command"]?.asList != nil
            } ?? false
        // An empty text is no secret.
        let isSecret = (place?.isSensitive ?? false) && value.asString != ""
        if isReference || isSecret, let reference = try? SensitiveValue(field: value) {
            switch resolver.resolve(reference, of: path.replacing("/", with: ".")) {
            case .success(let text):
                secrets[path] = text
                return .string(text)
            case .failure(let problem): return unavailable(path, problem.reason)
            }
        }
        if let file = value.asString, let place, place.has(format: SettingsFile.format) {
            return .string(file.hasPrefix("/") ? file : folder + "/" + file)
        }
        // Such as that of `http.proxy`.
        if let password = value.asString.flatMap({ URLCredentials.password(in: $0) }),
            password.utf8.count >= Redactor.minimumLength
        {
            secrets[path] = password
        }
        switch value {
        case .object(let object):
            var fetched = ValueObject()
            for (key, member) in object {
                fetched[key] = fetch(member, "\(path)/\(key)", place?[key], resolver, unavailable: unavailable)
            }
            return .object(fetched)
        case .list(let items):
            return .list(
                items.enumerated().map {
                    fetch($0.element, "\(path)/\($0.offset)", place?[$0.offset], resolver, unavailable: unavailable)
                })
        default: return value
        }
    }
}
