public import JSONSchema
public import RunnelKit

/// The manifest `plugin.yaml` of a process plugin.
///
///     name: weather
///     version: 1.0.0
///     description: Asks the office for the forecast.
///     protocol: exec
///     command: [python3, main.py]
///     env: [WEATHER_KEY]
///     steps:
///       forecast:
///         summary: The forecast for a place.
///         input: { type: object, required: [place], properties: { place: { type: string } } }
public struct PluginManifest: FieldGroup {
    /// How Runnel talks to the plugin.
    public enum Interface: String, FieldChoice {
        /// One process per call: a JSON object on standard input, JSON lines on standard output.
        case exec
        /// A server that speaks the Model Context Protocol.
        case mcp
    }

    /// The transport of an MCP server.
    public enum Transport: String, FieldChoice {
        /// A long-running child, on its standard input and output.
        case stdio
        /// Streamable HTTP.
        case http
    }

    @Field("A short name, the first part of its steps' names.") public var name: PluginName
    @Field("The plugin's version. When it changes, the tools of an MCP server are listed again.")
    public var version: String = "0"
    @Field("A one-sentence summary.") public var description: String = ""
    @Field("`exec`: one process per call. `mcp`: a server that speaks the Model Context Protocol.", key: "protocol")
    public var interface: Interface
    @Field("The transport of an MCP server.") public var transport: Transport = .stdio
    @Field(
        """
        The program and its arguments, as a list or as one string that is split at spaces (quotes hold words together; \
        it is no shell). A path with a slash begins at the plugin's folder, which is also the working directory.
        """)
    public var command: CommandLine?
    @Field(
        """
        What the program sees of the environment, beside PATH, HOME, LANG and TMPDIR: a list of names that are passed \
        on, or names with values.
        """)
    public var env: EnvironmentList = EnvironmentList()
    @Field("The time limit of one call.") public var timeout: Duration = .seconds(60)
    @Field("The time limit for an MCP server to start, including downloads.")
    public var startTimeout: Duration = .seconds(60)
    @Field("The maximum number of concurrent calls; more wait.", in: 1...) public var concurrency: Int = 4
    @Field("The maximum length of a line that the program writes.") public var maxLine: ByteCount = .mebibytes(8)
    @Field("The maximum output of an `exec` program in one call.") public var maxOutput: ByteCount = .mebibytes(64)
    @Field("The steps of an `exec` plugin, by the second part of their names.")
    public var steps: [String: ManifestStep] = [:]
    @Field(
        """
        The triggers of an `exec` plugin, by the second part of their names. The trigger with the plugin's own name is \
        written without the first part: `on: { imap: … }`.
        """)
    public var triggers: [String: ManifestTrigger] = [:]
    @Field(
        """
        The JSON schema (2020-12) of the plugin's settings, `plugins: { <name>: … }` in runnel.yaml. The program finds \
        them as JSON in RUNNEL_SETTINGS.
        """)
    public var settings: SchemaField?
    @Field("The address of an MCP server on HTTP.") public var url: String?
    @Field("Headers for an MCP server on HTTP, such as `authorization`.") public var headers: [String: ManifestText] =
        [:]

    public init() {}

    /// Decodes the content of `plugin.yaml`.
    /// - Throws: The first error, with a message for the author of the plugin.
    public init(manifest value: Value) throws(FieldError) {
        try self.init(field: value)
    }

    public func validate() throws(FieldError) {
        try settings?.checkUse(at: "settings")
        for (key, limit) in [("timeout", timeout), ("start_timeout", startTimeout)] where limit == .zero {
            throw FieldError("0s is too short", hint: "leave it out for 60s", path: [.key(key)])
        }
        for (key, limit) in [("max_line", maxLine), ("max_output", maxOutput)] where limit.bytes == 0 {
            throw FieldError("expected a size from 1B, found \(limit)", path: [.key(key)])
        }
        switch (interface, transport) {
        case (.exec, _):
            guard command != nil else { throw missing("command", "an exec plugin", "command: [python3, main.py]") }
            guard !steps.isEmpty || !triggers.isEmpty else {
                throw FieldError(
                    "an exec plugin needs \"steps\" or \"triggers\"",
                    hint: "add a line such as: steps: { hello: { summary: Says hello. } }")
            }
            if transport == .http { throw excess("transport", "an exec plugin is always a program of this machine") }
        case (.mcp, .stdio):
            guard command != nil || url == nil else {
                throw missing("transport", "an MCP server with a URL", "transport: http")
            }
            guard command != nil else {
                throw missing("command", "an MCP server on stdio", "command: [uvx, mcp-server-time]")
            }
        case (.mcp, .http):
            guard let url else {
                throw missing("url", "an MCP server on HTTP", "url: https://tools.example.com/mcp")
            }
            guard url.hasPrefix("https://") || url.hasPrefix("http://") else {
                throw FieldError(
                    "expected a URL that begins with https:// or http://, found \(Value.string(url).quoted())"
                ).under(.key("url"))
            }
            if command != nil { throw excess("command", "Runnel does not start a server on HTTP") }
        }
        if interface == .mcp {
            if !steps.isEmpty { throw excess("steps", "an MCP server lists its own tools") }
            if !triggers.isEmpty { throw excess("triggers", "the Model Context Protocol has no triggers") }
        }
        if transport == .stdio || interface == .exec {
            if url != nil { throw excess("url", "it belongs to \"transport: http\"") }
            if !headers.isEmpty { throw excess("headers", "they belong to \"transport: http\"") }
        }
        for (key, what, words) in [
            ("steps", "step", steps.keys.sorted()), ("triggers", "trigger", triggers.keys.sorted()),
        ] {
            for word in words where !PluginName.isWord(word) {
                throw FieldError("\"\(word)\" is not a valid name for a \(what)", hint: PluginName.rule)
                    .under(.key(key))
            }
        }
        for word in triggers.keys.sorted()
        where ProcessTrigger.name(word, of: name.text) == TriggerDefinition.manual {
            throw FieldError(
                "the trigger \"\(word)\" has the name of runs that are started by hand", hint: "give it another name",
                path: [.key("triggers"), .key(word)])
        }
    }

    private func missing(_ key: String, _ what: String, _ example: String) -> FieldError {
        FieldError("\(what) needs \"\(key)\"", hint: "add a line such as: \(example)")
    }

    private func excess(_ key: String, _ reason: String) -> FieldError {
        FieldError("\"\(key)\" is not allowed here: \(reason)", hint: "remove it").under(.key(key))
    }
}

extension PluginManifest {
    /// A reference of the manifest to a secret of the project.
    package struct NamedSecret: Sendable {
        package let name: String
        /// The place of the name in the manifest.
        package let path: [FieldError.PathElement]

        /// nil for a text that is no secret.
        ///
        /// - Parameter path: Of the text.
        init?(_ text: ManifestText, path: [FieldError.PathElement]) {
            guard case .secret(let name) = text else { return nil }
            self.name = name
            self.path = path + [.key("secret")]
        }
    }

    /// The project's secrets that the manifest names.
    package var secrets: [NamedSecret] {
        env.secrets + headers.compactMap { NamedSecret($0.value, path: [.key("headers"), .key($0.key)]) }
    }
}

/// A step of an `exec` plugin in its manifest.
public struct ManifestStep: FieldGroup {
    @Field("A one-sentence summary.") public var summary: String
    @Field("More details for the reference, in Markdown.") public var details: String = ""
    @Field("The JSON schema (2020-12) of `with:`. Without it, any keys are accepted.")
    public var input: SchemaField?
    @Field("A description of the output `steps.<id>`.") public var output: String =
        "The result of the plugin."
    @Field("The JSON schema (2020-12) of the output, so that `steps.<id>.<key>` can be checked before a run.")
    public var outputSchema: SchemaField?
    @Field("Examples for the reference by title: the step in YAML, as after the dash in a pipeline.")
    public var examples: [String: String] = [:]
    @Field("Whether running it again has no cost and no side effect.") public var repeatable: Bool = false
    @Field("What to write in place of names that users of other tools try.") public var hints: [ManifestHint] = []

    public init() {}

    public func validate() throws(FieldError) {
        try input?.checkUse(at: "input")
    }
}

extension SchemaField {
    /// Requires that the schema of `with:`, of an entry under `on:`, or of settings allows a mapping, and that its marks,
    /// such as `writeOnly`, have an effect.
    ///
    /// - Throws: An error at `type`, if that does not allow `object`, or at what hides a mark.
    func checkUse(at key: String) throws(FieldError) {
        if let problem = SchemaPlace.problem(in: source) { throw problem.under(.key(key)) }
        guard let type = source["type"], type != "object", type.asList?.contains("object") != true else { return }
        throw FieldError(
            "expected the schema of a mapping, found the type \(type.quoted())",
            hint: "write `type: object`, and each key under `properties`", path: [.key(key), .key("type")])
    }
}

/// A hint for names that users of other tools try, in a manifest; see `NameHint`.
public struct ManifestHint: FieldGroup {
    @Field("The names, as users write them.") public var names: [String]
    @Field("What to write instead, such as: write `timezone: …`") public var hint: String
    @Field(
        """
        Where users try the names: as `keys` of the step's `with:` or of the trigger's entry, as the `name` of a step or \
        trigger, as keys of a `step`, or as keys of a `pipeline`.
        """)
    public var place: NameHint.Place = .keys

    public init() {}

    var nameHint: NameHint { NameHint(hint, for: names, in: place) }
}

extension ManifestStep {
    var documentation: StepDocumentation {
        StepDocumentation(details: details, output: output, examples: examples.sortedExamples)
    }
}

extension [String: String] {
    /// The examples of a manifest, sorted by title.
    var sortedExamples: [StepDocumentation.Example] {
        sorted { $0.key < $1.key }.map { title, yaml in
            StepDocumentation.Example(title, yaml.hasSuffix("\n") ? String(yaml.dropLast()) : yaml)
        }
    }
}

/// The name of a process plugin: lower-case letters, digits, "-" and "_", beginning with a letter, at most 64.
public struct PluginName: FieldValue, Hashable {
    /// The name as text.
    public let text: String

    public static var schema: Value { ["type": "string", "pattern": "^[a-z][a-z0-9_-]{0,63}$"] }

    public init(field value: Value) throws(FieldError) {
        guard let text = value.asString, Self.isWord(text) else {
            throw FieldError("expected a name such as \"weather\", found \(value.quoted())", hint: Self.rule)
        }
        self.text = text
    }

    public var fieldDefault: Value? { .string(text) }

    static let rule = "use lower-case letters, digits, \"-\" and \"_\", and begin with a letter"

    static func isWord(_ text: String) -> Bool {
        guard let first = text.utf8.first, (0x61...0x7A).contains(first), text.utf8.count <= 64 else { return false }
        return text.utf8.allSatisfy { byte in
            (0x61...0x7A).contains(byte) || (0x30...0x39).contains(byte) || byte == 0x2D || byte == 0x5F
        }
    }
}

extension PluginName: CustomStringConvertible {
    public var description: String { text }
}

/// A text of a manifest, possibly by reference, so that no secret is written into `plugin.yaml`: a string, or `{ env:
/// NAME }`, or `{ secret: name }`.
public enum ManifestText: FieldValue, Hashable {
    case literal(String)
    /// A variable of the worker's environment.
    case variable(String)
    /// A secret of the project's configuration.
    case secret(String)

    public static var schema: Value {
        let reference = { (key: String) -> Value in
            [
                "type": "object", "properties": [key: ["type": "string"]], "required": [.string(key)],
                "additionalProperties": false,
            ]
        }
        return ["anyOf": [["type": ["string", "number", "boolean"]], reference("env"), reference("secret")]]
    }

    public init(field value: Value) throws(FieldError) {
        switch value {
        case .string(let text) where !text.utf8.contains(0): self = .literal(text)
        case .int, .double, .bool: self = .literal(value.text)
        default:
            if let object = value.asObject, object.count == 1 {
                if let name = object["env"]?.asString {
                    self = .variable(name)
                    return
                }
                if let name = object["secret"]?.asString {
                    self = .secret(name)
                    return
                }
            }
            throw FieldError("expected a text, { env: NAME } or { secret: name }, found \(value.kindName)")
        }
    }

    /// The resolved text.
    package func resolve(in host: ProcessHost) throws(FieldError) -> String {
        switch self {
        case .literal(let text): return text
        case .variable(let name):
            guard let text = host.variables[name] else {
                throw FieldError("the environment variable \(name) is not set", hint: "set it where Runnel is started")
            }
            // It is usually a token, and servers treat an empty token as none.
            guard !text.isEmpty else {
                throw FieldError("the environment variable \(name) is empty", hint: "set it where Runnel is started")
            }
            return text
        case .secret(let name):
            if let text = host.secret(name) { return text }
            guard let missing = host.missing(name) else {
                throw FieldError("there is no secret \"\(name)\"", hint: "add it under secrets: in runnel.yaml")
            }
            throw FieldError("the secret \"\(name)\" \(missing.problem)", hint: missing.hint)
        }
    }
}
