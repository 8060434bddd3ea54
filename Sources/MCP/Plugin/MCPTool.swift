internal import JSONSchema
public import RunnelKit
internal import RunnelProcess
internal import RunnelSupport

/// A tool from a server's list.
public struct MCPTool: Sendable, Hashable {
    /// The tool's name on the server.
    public let name: String
    /// The display name; empty if there is none.
    public let title: String
    /// The description, written for models.
    public let details: String
    /// The JSON schema of its arguments.
    public let inputSchema: Value
    /// The JSON schema of its structured output.
    public let outputSchema: Value?

    /// Decodes an entry of `tools/list`; nil if it has no name.
    init?(_ value: Value) {
        guard let name = value["name"]?.asString, !name.isEmpty else { return nil }
        self.name = name
        title = value["title"]?.asString ?? value["annotations"]?["title"]?.asString ?? ""
        details = value["description"]?.asString ?? ""
        let schema = value["inputSchema"] ?? [:]
        inputSchema = schema.asObject == nil ? ["type": "object"] : schema
        outputSchema = value["outputSchema"].flatMap { $0.asObject == nil ? nil : $0 }
    }

    /// The entry for the cache.
    var value: Value {
        var object: ValueObject = ["name": .string(name)]
        if !title.isEmpty { object["title"] = .string(title) }
        if !details.isEmpty { object["description"] = .string(details) }
        object["inputSchema"] = inputSchema
        if let outputSchema { object["outputSchema"] = outputSchema }
        return .object(object)
    }

    /// A one-sentence summary.
    var summary: String {
        let text = title.isEmpty ? details : title
        let line = text.split(whereSeparator: \.isNewline).first.map(String.init) ?? "The tool \(name)."
        if let end = line.firstRange(of: ". ") { return String(line[..<end.lowerBound]) + "." }
        return line
    }

    var documentation: StepDocumentation {
        let output =
            outputSchema.map { schema in
                let keys = schema["properties"]?.asObject?.keys ?? []
                return keys.isEmpty ? "An object." : "An object with \(Quote.names(keys))."
            }
            ?? "The text of the answer; a list of content objects where it is more than text."
        return StepDocumentation(details: details, output: output)
    }
}

/// Converts the result of `tools/call` to a step's output or error. Pure.
enum MCPToolResult {
    /// - Throws: If the tool failed, or requests something that Runnel does not support.
    static func output(_ result: Value, plugin: String, tool: String) throws(StepError) -> Value {
        let kind = result["resultType"]?.asString ?? "complete"
        guard kind == "complete" else {
            throw StepError(
                PluginErrorCode.mcpInputRequired,
                "the tool \"\(tool)\" of the plugin \"\(plugin)\" wants an answer (\"\(kind)\")",
                hint: "a pipeline runs without anyone to ask; give all that it needs in with:")
        }
        let content = content(of: result)
        if isError(result) {
            let text = texts(content).joined(separator: "\n")
            let structured = result["structuredContent"].flatMap { $0.isNull ? nil : $0 }
            let reason = text.isEmpty ? structured?.json() ?? "it did not say why" : text
            throw StepError(
                PluginErrorCode.mcpToolFailed, "the tool \"\(tool)\" of the plugin \"\(plugin)\" failed: \(reason)",
                partialOutput: structured)
        }
        if let structured = result["structuredContent"], !structured.isNull { return structured }
        let texts = texts(content)
        if texts.count == content.count { return texts.isEmpty ? .null : .string(texts.joined(separator: "\n")) }
        return .list(content)
    }

    /// Whether the tool failed. Some servers send `isError` as a string or a number.
    private static func isError(_ result: Value) -> Bool {
        guard let value = result["isError"], !value.isNull else { return false }
        return !["false", "0", ""].contains(value.text.lowercased())
    }

    /// The content items. Some servers send a string or a single item instead of a list.
    private static func content(of result: Value) -> [Value] {
        switch result["content"] {
        case nil, .null?: []
        case .list(let items)?: items
        case .string(let text)?: [["type": "text", "text": .string(text)]]
        case let item?: [item]
        }
    }

    private static func texts(_ content: [Value]) -> [String] {
        content.compactMap { $0["type"]?.asString == "text" ? $0["text"]?.asString : nil }
    }
}
