package import RunnelKit
import RunnelSupport
import YAML

/// One setting as it is in effect, with its source.
package struct EffectiveSetting: Sendable, Hashable {
    package enum Value: Sendable, Hashable {
        /// Without the password of a URL.
        case shown(String)
        /// A secret, or what may hold one: never shown.
        case secret
    }

    package enum Source: Sendable, Hashable {
        case defaultValue
        /// The file with the line: `runnel.yaml:3`.
        case file(String)
        /// The variable.
        case environment(String)
        case commandLine

        /// The file with the line, or the variable; nil for what stands nowhere.
        public var name: String? {
            switch self {
            case .file(let place): place
            case .environment(let name): name
            case .defaultValue, .commandLine: nil
            }
        }
    }

    /// The path: `journal.keep`.
    package var key: String
    package var value: Value
    package var source: Source

    package init(key: String, value: Value, source: Source) {
        self.key = key
        self.value = value
        self.source = source
    }

    /// The setting as an option of the command line sets it.
    package func overridden(by value: String) -> EffectiveSetting {
        EffectiveSetting(key: key, value: .shown(value), source: .commandLine)
    }

    /// Whether a path is that of the setting, of a part of it, or of what it is a part of.
    package func isAt(_ path: String) -> Bool {
        key == path || key.hasPrefix(path + ".") || path.hasPrefix(key + ".")
    }

    /// What is in effect after a reload, by key.
    ///
    /// - Parameters:
    ///   - now: The settings as they were read.
    ///   - started: Those at startup.
    ///   - pending: The paths of those that wait for a restart.
    package static func inEffect(
        _ now: [EffectiveSetting], started: [EffectiveSetting], pending: [String]
    ) -> [EffectiveSetting] {
        func isKept(_ setting: EffectiveSetting) -> Bool {
            setting.source == .commandLine || pending.contains { setting.isAt($0) }
        }
        let kept = started.filter(isKept)
        let keys = Set(kept.map(\.key))
        return (kept + now.filter { !keys.contains($0.key) }).sorted { $0.key < $1.key }
    }

    /// All settings, by key. Those without a value are left out.
    ///
    /// - Parameters:
    ///   - value: The settings of the file, merged with those of the chosen profile.
    ///   - roots: The mappings that they come from: first that of the profile, then that of the file.
    static func all(
        _ value: RunnelKit.Value, roots: [YAMLNode], file: String, _ overlay: EnvironmentOverlay, _ shape: SettingsShape
    ) -> [EffectiveSetting] {
        let overrides = Dictionary(
            overlay.overrides.map { ($0.path.joined(separator: "."), $0.value) }, uniquingKeysWith: { $1 })
        var settings = EnvironmentOverlay.leaves(of: shape.schema, path: []).compactMap { leaf -> EffectiveSetting? in
            let key = leaf.path.joined(separator: ".")
            let isSecret = SensitiveValue.isSchema(leaf.schema)
            if let override = overrides[key] {
                return EffectiveSetting(
                    key: key, value: isSecret ? .secret : .shown(text(override)),
                    source: .environment(EnvironmentOverlay.name(of: leaf.path)))
            }
            if let given = leaf.path.reduce(value as RunnelKit.Value?, { $0?[$1] }) {
                return EffectiveSetting(
                    key: key, value: isSecret ? .secret : .shown(text(given)),
                    source: .file(place(leaf.path, roots, file)))
            }
            guard !isSecret, let fallback = leaf.schema["default"], !fallback.isNull else { return nil }
            return EffectiveSetting(key: key, value: .shown(text(fallback)), source: .defaultValue)
        }
        func add(_ path: [String], _ value: EffectiveSetting.Value) {
            settings.append(
                EffectiveSetting(
                    key: path.joined(separator: "."), value: value, source: .file(place(path, roots, file))))
        }
        // Their names are the user's own. What a plugin is configured with may hold a secret.
        let named = [["secrets"], ["plugins"], ["server", "tokens"], ["traces", "headers"], ["metrics", "headers"]]
        for section in named {
            let names = section.reduce(value as RunnelKit.Value?) { $0?[$1] }?.asObject?.keys
            for name in names ?? [] { add(section + [name], .secret) }
        }
        // By the names of agents and models.
        for (name, price) in value["prices"]?.asObject ?? [:] {
            for (key, amount) in price.asObject ?? [:] { add(["prices", name, key], .shown(text(amount))) }
        }
        return settings.sorted { $0.key < $1.key }
    }

    /// A URL is shown without its password, such as that of a proxy.
    private static func text(_ value: RunnelKit.Value) -> String {
        value.asString.map { URLCredentials.masked($0) } ?? URLCredentials.masked(value).json()
    }

    private static func place(_ path: [String], _ roots: [YAMLNode], _ file: String) -> String {
        let nodes = roots.compactMap { root in path.reduce(root as YAMLNode?) { $0?[$1] } }
        return nodes.first.map { "\(file):\($0.range.start.line)" } ?? file
    }
}

/// All keys of `runnel.yaml`: the sections of plugins, and Runnel's own.
package struct SettingsShape: Sendable {
    let sections: [FieldDefinition]

    /// - Parameter sections: Those that plugins bring. A key that is Runnel's own or another plugin's is passed over.
    package init(_ sections: [FieldDefinition]) {
        var known = Set(Settings.fields.map(\.key))
        self.sections = sections.filter { known.insert($0.key).inserted }
    }

    package var schema: Value {
        var schema = Settings.schema.asObject ?? [:]
        let own = (schema["properties"]?.asObject ?? [:]).map { ($0.key, $0.value) }
        schema["properties"] = .object(ValueObject(sections.map { ($0.key, $0.documentedSchema) } + own))
        return .object(schema)
    }

    /// Reads the value of a key at the top for the sake of its errors.
    func problems(key: String, value: Value) -> [FieldError] {
        section(key)?.problems(value) ?? Settings.problems(key: key, value: value)
    }

    /// Reads the whole file.
    func read(_ value: Value) throws(FieldError) -> (settings: Settings, sections: [String: Value]) {
        var own = value.asObject ?? [:]
        var read: [String: Value] = [:]
        for section in sections {
            guard let found = own[section.key] else { continue }
            own = own.removing(section.key)
            if let problem = section.problems(found).first { throw problem.under(.key(section.key)) }
            read[section.key] = found
        }
        return (try Settings(fields: own), read)
    }

    func section(_ key: String) -> FieldDefinition? { sections.first { $0.key == key } }
}

extension FieldDefinition {
    /// The keys of a section that hold a secret.
    var sensitiveKeys: [String] {
        (schema["properties"]?.asObject ?? [:]).filter { SensitiveValue.isSchema($0.value) }.map(\.key)
    }
}
