import RunnelEngine
import RunnelKit

/// A setting of `runnel.yaml`, or a group of them.
struct Setting: Sendable {
    /// The path of keys, outermost first.
    let path: [String]
    /// The schema with description and default.
    let schema: Value
    /// Whether it is a group of settings.
    let isGroup: Bool

    /// `marketplace.base_url`.
    var name: String { path.joined(separator: ".") }

    /// The environment variable that overrides the file; nil for groups and for user-defined names, such as those under
    /// `secrets`.
    var variable: String? {
        schema["type"] == "object" ? nil : "RUNNEL_" + path.joined(separator: "_").uppercased()
    }
}

/// The settings in declaration order.
enum SettingList {
    /// - Parameter plugins: Those that may bring sections.
    static func all(_ plugins: [any Plugin]) -> [Setting] { settings(in: schema(plugins), path: []) }

    static func schema(_ plugins: [any Plugin]) -> Value { SettingsShape(plugins.settingsSections).schema }

    private static func settings(in schema: Value, path: [String]) -> [Setting] {
        (schema["properties"]?.asObject ?? ValueObject()).flatMap { key, value in
            let setting = Setting(path: path + [key], schema: value, isGroup: value["properties"] != nil)
            return [setting] + (setting.isGroup ? settings(in: value, path: setting.path) : [])
        }
    }

    /// The schema with the variable added to the description of the setting at `path`.
    static func noting(_ variable: String, at path: ArraySlice<String>, in schema: ValueObject) -> ValueObject {
        var schema = schema
        guard let key = path.first else {
            let help = schema["description"]?.asString.map { $0 + " " } ?? ""
            schema["description"] = .string(help + "The environment variable \(variable) overrides it.")
            return schema
        }
        guard var properties = schema["properties"]?.asObject, let inner = properties[key]?.asObject else {
            return schema
        }
        properties[key] = .object(noting(variable, at: path.dropFirst(), in: inner))
        schema["properties"] = .object(properties)
        return schema
    }
}
