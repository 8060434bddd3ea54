public import RunnelKit

/// Something that a client can call.
public struct ServedTool: Sendable, Hashable {
    /// Letters, digits, `_` and `-`, at most 64: what all models accept.
    public let name: String
    public let description: String
    /// The JSON schema of the arguments, an object's.
    public let inputSchema: Value

    public init(name: String, description: String, inputSchema: Value) {
        self.name = name
        self.description = description
        self.inputSchema = inputSchema
    }

    var value: Value {
        ["name": .string(name), "description": .string(description), "inputSchema": inputSchema]
    }
}

/// How a call ended.
public enum ToolOutcome: Sendable, Hashable {
    case succeeded(output: Value, run: String?)
    /// In words that tell the caller what to do.
    case failed(message: String, run: String?)

    func result(_ revision: MCPRevision) -> ValueObject {
        var result: ValueObject
        switch self {
        case .succeeded(let output, let run):
            result = ["content": [["type": "text", "text": .string(Self.text(output))]], "isError": false]
            if revision.hasStructuredContent, case .object = output { result["structuredContent"] = output }
            result["_meta"] = run.map { ["runnel/run": .string($0)] }
        case .failed(let message, let run):
            result = ["content": [["type": "text", "text": .string(message)]], "isError": true]
            result["_meta"] = run.map { ["runnel/run": .string($0)] }
        }
        return result
    }

    private static func text(_ output: Value) -> String {
        switch output {
        case .string(let text): text
        case .null: ""
        default: output.json(pretty: true)
        }
    }
}
