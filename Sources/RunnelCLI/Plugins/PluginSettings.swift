import RunnelEngine
import RunnelKit

/// `plugins:` of `runnel.yaml`, with everything fetched that stands elsewhere.
struct PluginSettings: Sendable {
    private(set) var values: [String: Value] = [:]
    /// What was fetched, by where it stands: `plugins/weather/key`.
    private(set) var secrets: [String: String] = [:]
    /// Why something could not be fetched, by plugin.
    private(set) var problems: [String: String] = [:]

    init(_ settings: [String: Value], resolver: SensitiveResolver) {
        for (plugin, value) in settings {
            // An empty section is one without settings.
            values[plugin] = value.isNull ? [:] : fetch(value, "plugins/\(plugin)", plugin, resolver)
        }
    }

    private mutating func fetch(
        _ value: Value, _ path: String, _ plugin: String, _ resolver: SensitiveResolver
    ) -> Value {
        switch value {
        case .object(let object):
            if object.count == 1, object["env"] ?? object["file"] != nil,
                let reference = try? SensitiveValue(field: value)
            {
                switch resolver.resolve(reference) {
                case .success(let text):
                    secrets[path] = text
                    return .string(text)
                case .failure(let problem):
                    problems[plugin] = "`\(path.replacing("/", with: "."))` has no value: \(problem.reason)"
                    return .null
                }
            }
            return .object(ValueObject(object.map { ($0.key, fetch($0.value, "\(path)/\($0.key)", plugin, resolver)) }))
        case .list(let items):
            return .list(items.enumerated().map { fetch($0.element, "\(path)/\($0.offset)", plugin, resolver) })
        default: return value
        }
    }
}
