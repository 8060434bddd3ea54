package import RunnelKit

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
