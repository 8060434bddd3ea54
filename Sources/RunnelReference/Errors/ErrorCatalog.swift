import JSONSchema
import RunnelEngine
public import RunnelKit
import Templates
import YAML

/// All error codes of Runnel and of its plugins: the cases of the enumerations that errors take their codes from.
public struct ErrorCatalog: Sendable {
    /// In the order of the parts, then by code.
    public let entries: [ErrorEntry]

    /// - Parameters:
    ///   - plugins: Those whose codes are listed.
    ///   - others: The codes of modules around the engine.
    public init(_ plugins: [any Plugin], others: [any ErrorCode.Type] = []) {
        let engine: [any ErrorCode.Type] = [
            YAMLErrorCode.self, PipelineErrorCode.self, TemplateErrorCode.self, SchemaError.Code.self,
            RunErrorCode.self, JournalError.Code.self, StepErrorCode.self,
        ]
        var parts: [String] = []
        var codes: [String: [ErrorEntry]] = [:]
        for list in engine + plugins.flatMap(\.errorCodes) + others {
            let part = list.part
            if codes[part] == nil { parts.append(part) }
            // Several plugins can share the codes of a client.
            codes[part, default: []] += Self.entries(of: list).filter { codes[part]?.contains($0) != true }
        }
        entries = parts.flatMap { part in (codes[part] ?? []).sorted { $0.code < $1.code } }
    }

    private static func entries<Code: ErrorCode>(of list: Code.Type) -> [ErrorEntry] {
        list.allCases.map { ErrorEntry(code: $0.rawValue, part: list.part, explanation: $0.explanation) }
    }
}

/// An error code with what it means.
public struct ErrorEntry: Sendable, Hashable {
    /// Stable and in kebab case: `file-not-found`.
    public let code: String
    /// The part of Runnel that reports it, such as `chat`.
    public let part: String
    /// What it means, and what to do.
    public let explanation: ErrorExplanation
}
