public import RunnelKit

/// What a child sees of the environment: `[NAME, OTHER]`, or `{ NAME: value }`, or both in one list.
public struct EnvironmentList: FieldValue, Hashable {
    /// Names that are passed on where the worker has them.
    public private(set) var names: [String] = []
    /// What is set.
    public private(set) var values: [String: ManifestText] = [:]

    /// What every child gets where the worker has it: without, programs are not found, have no place for temporary
    /// files, and read text wrongly. None of them holds a secret.
    public static let always = ["PATH", "HOME", "LANG", "TMPDIR"]

    init() {}

    public static var schema: Value {
        let map: Value = ["type": "object", "additionalProperties": ManifestText.schema]
        return ["anyOf": [map, ["type": "array", "items": ["anyOf": [["type": "string"], map]]]]]
    }

    public init(field value: Value) throws(FieldError) {
        switch value {
        case .object(let object): try add(object)
        case .list(let items):
            for (index, item) in items.enumerated() {
                do throws(FieldError) {
                    switch item {
                    case .string(let name):
                        try Self.check(name)
                        names.append(name)
                    case .object(let object): try add(object)
                    default: throw .expected("a name, or a name with a value", found: item)
                    }
                } catch {
                    throw error.under(.index(index))
                }
            }
        default: throw .expected("a list of names, or names with values", found: value)
        }
    }

    public var fieldDefault: Value? { names.isEmpty && values.isEmpty ? [] : nil }

    private mutating func add(_ object: ValueObject) throws(FieldError) {
        for (name, value) in object {
            do {
                try Self.check(name)
                values[name] = try ManifestText(field: value)
            } catch {
                throw error.under(.key(name))
            }
        }
    }

    private static func check(_ name: String) throws(FieldError) {
        guard !name.isEmpty, !name.utf8.contains(UInt8(ascii: "=")), !name.utf8.contains(0) else {
            throw FieldError(
                "expected the name of an environment variable, found \(Value.string(name).quoted())",
                hint: "write values as NAME: value")
        }
    }

    /// The child's environment.
    func resolve(in host: ProcessHost) throws(FieldError) -> [String: String] {
        var environment: [String: String] = [:]
        for name in Self.always + names { environment[name] = host.variables[name] }
        for (name, text) in values {
            do {
                environment[name] = try text.resolve(in: host)
            } catch {
                throw error.under(.key(name)).under(.key("env"))
            }
        }
        environment["RUNNEL_PROJECT"] = host.project
        environment["RUNNEL_SETTINGS"] = host.settings
        return environment
    }
}
