public import RunnelKit

/// A plugin that lives outside of Runnel, as its `plugin.yaml` describes it.
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
        /// One process a call: a JSON object on standard input, JSON lines on standard output.
        case exec
        /// A server that speaks the Model Context Protocol.
        case mcp
    }

    /// How an MCP server is reached.
    public enum Transport: String, FieldChoice {
        /// A child that is kept, on its standard input and output.
        case stdio
        /// Streamable HTTP.
        case http
    }

    @Field("A short word, the first half of its steps' names.") public var name: PluginName
    @Field("The plugin's version. Where it changes, an MCP server is asked for its tools again.")
    public var version: String = "0"
    @Field("One sentence for lists.") public var description: String = ""
    @Field("`exec`: one process a call. `mcp`: a server that speaks the Model Context Protocol.", key: "protocol")
    public var interface: Interface
    @Field("How an MCP server is reached.") public var transport: Transport = .stdio
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
    @Field("How long one call may take.") public var timeout: Duration = .seconds(60)
    @Field("How long an MCP server may take until it is ready, which includes what it downloads first.")
    public var startTimeout: Duration = .seconds(60)
    @Field("How many calls run at once; more wait.") public var concurrency: PositiveCount = PositiveCount(4)
    @Field("The longest line that the program may write.") public var maxLine: ByteCount = .mebibytes(8)
    @Field("How much an `exec` program may write in one call.") public var maxOutput: ByteCount = .mebibytes(64)
    @Field("The steps of an `exec` plugin, by the second half of their names.")
    public var steps: [String: ManifestStep] = [:]
    @Field(
        """
        The JSON schema (2020-12) of the plugin's settings, `plugins: { <name>: … }` in runnel.yaml. The program finds \
        them as JSON in RUNNEL_SETTINGS.
        """)
    public var settings: Value?
    @Field("The address of an MCP server on HTTP.") public var url: String?
    @Field("Headers for an MCP server on HTTP, such as `authorization`.") public var headers: [String: ManifestText] =
        [:]

    public init() {}

    /// Reads what `plugin.yaml` holds.
    /// - Throws: The first mistake, in words for the author of the plugin.
    public init(manifest value: Value) throws(FieldError) {
        try self.init(field: value)
        try check()
    }

    private func check() throws(FieldError) {
        switch (interface, transport) {
        case (.exec, _):
            guard command != nil else { throw missing("command", "an exec plugin", "command: [python3, main.py]") }
            guard !steps.isEmpty else {
                throw missing("steps", "an exec plugin", "steps: { hello: { summary: Says hello. } }")
            }
            if transport == .http { throw excess("transport", "an exec plugin is always a program of this machine") }
        case (.mcp, .stdio):
            guard command != nil else {
                throw missing("command", "an MCP server on stdio", "command: [uvx, mcp-server-time]")
            }
        case (.mcp, .http):
            guard let url else {
                throw missing("url", "an MCP server on HTTP", "url: https://tools.example.com/mcp")
            }
            guard url.hasPrefix("https://") || url.hasPrefix("http://") else {
                throw FieldError(
                    "expected an address that begins with https:// or http://, found \(Value.string(url).quoted())"
                ).under(.key("url"))
            }
            if command != nil { throw excess("command", "a server on HTTP is not started by Runnel") }
        }
        if interface == .mcp, !steps.isEmpty { throw excess("steps", "an MCP server says itself which tools it has") }
        if transport == .stdio || interface == .exec {
            if url != nil { throw excess("url", "it belongs to \"transport: http\"") }
            if !headers.isEmpty { throw excess("headers", "they belong to \"transport: http\"") }
        }
        for word in steps.keys.sorted() where !PluginName.isWord(word) {
            throw FieldError(
                "\"\(word)\" cannot be the name of a step", hint: PluginName.rule
            ).under(.key("steps"))
        }
    }

    private func missing(_ key: String, _ what: String, _ example: String) -> FieldError {
        FieldError("\(what) needs \"\(key)\"", hint: "add a line such as: \(example)")
    }

    private func excess(_ key: String, _ reason: String) -> FieldError {
        FieldError("\"\(key)\" cannot be given here: \(reason)", hint: "remove it").under(.key(key))
    }
}
