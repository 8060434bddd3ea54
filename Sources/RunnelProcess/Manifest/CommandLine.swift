public import RunnelKit

/// A program and its arguments. It is not passed to a shell.
public struct CommandLine: FieldValue, Hashable {
    /// The words; the program is the first.
    public let words: [String]

    public static var schema: Value {
        [
            "anyOf": [
                ["type": "string", "minLength": 1],
                ["type": "array", "items": ["type": "string"], "minItems": 1],
            ]
        ]
    }

    public init(field value: Value) throws(FieldError) {
        switch value {
        case .string(let text): words = try Self.split(text)
        case .list: words = try [String](field: value)
        default:
            throw .expected(
                "a program and its arguments, such as [python3, main.py] or \"python3 main.py\"", found: value)
        }
        guard let program = words.first, !program.isEmpty else {
            throw FieldError("the command is empty", hint: "write the program first, such as [python3, main.py]")
        }
        if words.contains(where: { $0.utf8.contains(0) }) { throw FieldError("the command contains a NUL character") }
    }

    public var fieldDefault: Value? { .list(words.map { .string($0) }) }

    /// Splits at white space. Single and double quotes group a word; a backslash outside of single quotes escapes the
    /// next character.
    private static func split(_ text: String) throws(FieldError) -> [String] {
        var words: [String] = []
        var word: String?
        var quote: Character?
        var characters = text[...]
        while let character = characters.popFirst() {
            if character == "\\", quote != "'" {
                guard let next = characters.popFirst() else {
                    throw FieldError("the command ends with a backslash", hint: "write it as a list of words")
                }
                word = (word ?? "") + String(next)
            } else if character == quote {
                quote = nil
            } else if quote == nil, character == "'" || character == "\"" {
                quote = character
                word = word ?? ""
            } else if quote == nil, character.isWhitespace {
                if let word { words.append(word) }
                word = nil
            } else {
                word = (word ?? "") + String(character)
            }
        }
        if let quote {
            throw FieldError("the quote \(quote) in the command is not closed", hint: "write it as a list of words")
        }
        return words + (word.map { [$0] } ?? [])
    }
}

/// The environment of a child: `[NAME, OTHER]`, or `{ NAME: value }`, or both in one list.
public struct EnvironmentList: FieldValue, Hashable {
    /// Names of variables passed on from the worker, if set.
    public private(set) var names: [String] = []
    /// Variables with values.
    public private(set) var values: [String: ManifestText] = [:]
    /// The path of each of ``values`` in the list.
    private var places: [String: [FieldError.PathElement]] = [:]

    /// Variables passed on to every child, if set: they are needed to find programs, for temporary files, and for text
    /// encoding. None holds a secret.
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
                    case .object(let object): try add(object, at: [.index(index)])
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

    private mutating func add(_ object: ValueObject, at place: [FieldError.PathElement] = []) throws(FieldError) {
        for (name, value) in object {
            do {
                try Self.check(name)
                values[name] = try ManifestText(field: value)
                places[name] = place + [.key(name)]
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

    /// The project's secrets that the values name.
    var secrets: [PluginManifest.NamedSecret] {
        values.compactMap { name, text in
            PluginManifest.NamedSecret(text, path: [.key("env")] + (places[name] ?? [.key(name)]))
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
