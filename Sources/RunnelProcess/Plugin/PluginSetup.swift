internal import JSONSchema
internal import RunnelKit

/// A plugin's settings, validated against its manifest.
struct PluginSetup: Sendable {
    /// The settings as JSON for the child's environment; nil for a plugin without settings.
    let json: String?

    /// - Throws: The first error, at `plugins.<name>`.
    init(_ manifest: PluginManifest, _ settings: Value?) throws(FieldError) {
        let place: [FieldError.PathElement] = [.key("plugins"), .key(manifest.name.text)]
        guard let schema = manifest.settings else {
            guard settings == nil || settings == [:] else {
                throw FieldError("the plugin has no settings", hint: "remove them", path: place)
            }
            json = nil
            return
        }
        let checked: JSONSchema
        do {
            checked = try JSONSchema(schema)
        } catch {
            throw FieldError("it is no JSON schema: \(error)", path: [.key("settings")])
        }
        let value = settings ?? [:]
        if let issue = checked.validate(value).first {
            throw FieldError(
                issue.message, hint: issue.suggestion.map { "did you mean \"\($0)\"?" },
                path: place + (issue.path.isRoot ? [] : [.key("\(issue.path)")]))
        }
        json = value.json()
    }
}
