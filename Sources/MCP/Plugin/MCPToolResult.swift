internal import RunnelKit

/// Converts the result of `tools/call` to a step's output or error. Pure.
enum MCPToolResult {
    /// - Throws: If the tool failed, or requests something that Runnel does not support.
    static func output(_ result: Value, plugin: String, tool: String) throws(StepError) -> Value {
        let kind = result["resultType"]?.asString ?? "complete"
        guard kind == "complete" else {
            throw StepError(
                "mcp-input-required", "the tool \"\(tool)\" of the plugin \"\(plugin)\" wants an answer (\"\(kind)\")",
                hint: "a pipeline runs without anyone to ask; give all that it needs in with:")
        }
        let content = result["content"]?.asList ?? []
        if result["isError"]?.asBool == true {
            let text = texts(content).joined(separator: "\n")
            throw StepError(
                "mcp-tool-failed",
                "the tool \"\(tool)\" of the plugin \"\(plugin)\" failed: \(text.isEmpty ? "it did not say why" : text)",
                partialOutput: result["structuredContent"])
        }
        if let structured = result["structuredContent"], !structured.isNull { return structured }
        let texts = texts(content)
        if texts.count == content.count { return texts.isEmpty ? .null : .string(texts.joined(separator: "\n")) }
        return .list(content)
    }

    private static func texts(_ content: [Value]) -> [String] {
        content.compactMap { $0["type"]?.asString == "text" ? $0["text"]?.asString : nil }
    }
}
