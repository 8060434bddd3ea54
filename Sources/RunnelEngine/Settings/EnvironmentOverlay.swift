import RunnelKit

/// Environment variables as settings: `RUNNEL_MARKETPLACE_BASE_URL` is `marketplace.base_url`.
struct EnvironmentOverlay {
    struct Problem {
        let code: String
        let severity: Diagnostic.Severity
        let message: String
        let hint: String?
    }

    /// Variables with other uses.
    private static let reserved: Set<String> = ["RUNNEL_CONFIG", "RUNNEL_TRUST", "RUNNEL_PROFILE", "RUNNEL_ENV_FILE"]
    private static let prefix = "RUNNEL_"

    private(set) var problems: [Problem] = []
    private(set) var overrides: [(path: [String], value: Value)] = []

    /// - Parameter configuration: What stands in `runnel.yaml`. A variable that a source (`{ env: NAME }`) or a list `env` names
    ///   there is no misspelt setting.
    init(environment: [String: String], shape: SettingsShape, configuration: Value) {
        let named = Self.variables(named: configuration)
        let settings = Self.leaves(of: shape.schema, path: [])
        let byName = Dictionary(settings.map { (Self.name(of: $0.path), $0) }, uniquingKeysWith: { first, _ in first })
        let names = environment.keys.filter { $0.hasPrefix(Self.prefix) && !Self.reserved.contains($0) }
        for name in names.sorted() {
            guard let setting = byName[name] else {
                if named.contains(name) { continue }
                let closest = Suggestion.closest(to: name, among: byName.keys.sorted())
                problems.append(
                    Problem(
                        code: PipelineErrorCode.unknownSetting.rawValue, severity: .warning,
                        message: "the environment variable \(name) is not a setting of Runnel",
                        hint: closest.map { "did you mean \($0)?" }))
                continue
            }
            let text = environment[name] ?? ""
            guard !text.hasReplacedBytes else {
                problems.append(
                    Problem(
                        code: PipelineErrorCode.wrongValue.rawValue, severity: .error,
                        message: "the environment variable \(name) is not UTF-8 text", hint: nil))
                continue
            }
            let value = Self.value(text, schema: setting.schema)
            if let error = Self.problem(value, at: setting.path, in: configuration, shape) {
                problems.append(
                    Problem(
                        code: error.code ?? PipelineErrorCode.wrongValue.rawValue, severity: .error,
                        message: "the environment variable \(name): \(error.message)", hint: error.hint))
            } else {
                overrides.append((setting.path, value))
            }
        }
    }

    func applied(to value: Value) -> Value {
        overrides.reduce(value) { Self.set($1.value, at: $1.path[...], in: $0) }
    }

    static func name(of path: [String]) -> String {
        prefix + path.joined(separator: "_").uppercased()
    }

    /// The settings with a single value or a list of words. `secrets` has user-defined names and no variables.
    static func leaves(of schema: Value, path: [String]) -> [(path: [String], schema: Value)] {
        guard let properties = schema["properties"]?.asObject, schema["type"] == "object" else {
            return schema["type"] == "object" ? [] : [(path, schema)]
        }
        return properties.flatMap { leaves(of: $0.value, path: path + [$0.key]) }
    }

    /// The variables that stand behind a key `env`, at any depth.
    private static func variables(named value: Value) -> Set<String> {
        if let list = value.asList { return list.reduce(into: []) { $0.formUnion(variables(named: $1)) } }
        var names: Set<String> = []
        for (key, value) in value.asObject ?? [:] {
            if key == "env" { names.formUnion((value.asList ?? [value]).compactMap(\.asString)) }
            names.formUnion(variables(named: value))
        }
        return names
    }

    /// Converts the variable's text by the schema's type.
    private static func value(_ text: String, schema: Value) -> Value {
        switch schema["type"] {
        case "integer", "number", "boolean": (try? Value.json(text)) ?? .string(text)
        case nil where schema["anyOf"]?.asList?.contains { $0["type"] == "integer" } == true && Int(text) != nil:
            Int64(text).map { .int($0) } ?? .string(text)
        case "array": .list(text.split(separator: ",").map { .string(String($0).trimmed) })
        default: .string(text)
        }
    }

    private static func problem(
        _ value: Value, at path: [String], in configuration: Value, _ shape: SettingsShape
    ) -> FieldError? {
        do throws(FieldError) {
            _ = try shape.read(set(value, at: path[...], in: configuration))
            return nil
        } catch {
            // Other errors are reported when all settings are read.
            return error.path.starts(with: path.map { .key($0) }) ? error : nil
        }
    }

    private static func set(_ value: Value, at path: ArraySlice<String>, in whole: Value) -> Value {
        guard let key = path.first else { return value }
        var object = whole.asObject ?? ValueObject()
        object[key] = set(value, at: path.dropFirst(), in: object[key] ?? [:])
        return .object(object)
    }
}

extension String {
    fileprivate var trimmed: String {
        String(drop { $0.isWhitespace }.reversed().drop { $0.isWhitespace }.reversed())
    }
}
