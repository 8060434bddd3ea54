import RunnelEngine
import RunnelKit

/// A setting of `runnel.yaml`, or a group of them.
struct Setting: Sendable {
    /// The keys that lead to it, the outermost first.
    let path: [String]
    /// With help and default.
    let schema: Value
    /// Whether it only holds other settings.
    let isGroup: Bool

    /// `marketplace.base_url`.
    var name: String { path.joined(separator: ".") }

    /// The environment variable that wins over the file; nil for groups and for names of one's own, as under `secrets`.
    var variable: String? {
        schema["type"] == "object" ? nil : "RUNNEL_" + path.joined(separator: "_").uppercased()
    }
}

/// The settings in the order of their declaration.
enum SettingList {
    static var all: [Setting] { settings(in: Settings.schema, path: []) }

    private static func settings(in schema: Value, path: [String]) -> [Setting] {
        (schema["properties"]?.asObject ?? ValueObject()).flatMap { key, value in
            let setting = Setting(path: path + [key], schema: value, isGroup: value["properties"] != nil)
            return [setting] + (setting.isGroup ? settings(in: value, path: setting.path) : [])
        }
    }

    /// The schema with the variable named in the description of the setting at `path`.
    static func noting(_ variable: String, at path: ArraySlice<String>, in schema: ValueObject) -> ValueObject {
        var schema = schema
        guard let key = path.first else {
            let help = schema["description"]?.asString.map { $0 + " " } ?? ""
            schema["description"] = .string(help + "The environment variable \(variable) wins over it.")
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
