internal import RunnelKit

/// The revisions of the Model Context Protocol that Runnel speaks, the newest first.
public enum MCPRevision: String, Sendable, CaseIterable {
    /// Without handshake and session: each request says its revision.
    case july2026 = "2026-07-28"
    case november2025 = "2025-11-25"
    case june2025 = "2025-06-18"
    case march2025 = "2025-03-26"
    case november2024 = "2024-11-05"

    /// Whether the revision stands in each request, and not in a handshake at the beginning.
    public var isStateless: Bool { self == .july2026 }
    /// Whether results may hold `structuredContent`.
    public var hasStructuredContent: Bool { self != .march2025 && self != .november2024 }
    /// Whether several messages may stand in one list.
    public var hasBatches: Bool { self == .march2025 }

    /// The newest revision.
    public static let newest = MCPRevision.july2026
    /// What a handshake offers, and what is agreed on where the other side wants one that is not spoken.
    public static let handshake = MCPRevision.november2025

    /// The key under `_meta` in which a request says its revision.
    public static let key = "io.modelcontextprotocol/protocolVersion"
    /// The key under `_meta` in which news say which subscription they belong to.
    public static let subscriptionKey = "io.modelcontextprotocol/subscriptionId"

    /// The newest of those that are named, among those of one kind.
    public static func newest(among names: [String], isStateless: Bool) -> MCPRevision? {
        allCases.first { $0.isStateless == isStateless && names.contains($0.rawValue) }
    }

    /// All of them in a sentence.
    public static var words: String { allCases.map(\.rawValue).joined(separator: ", ") }
}

extension MCPRevision {
    /// What a server says that it speaks without a handshake.
    static let stateless: [Value] = allCases.filter(\.isStateless).map { .string($0.rawValue) }

    /// What is agreed on with a client that begins with a handshake: what it wants, or the newest there is.
    static func agreed(on requested: String?) -> MCPRevision {
        requested.flatMap(MCPRevision.init(rawValue:)).flatMap { $0.isStateless ? nil : $0 } ?? .handshake
    }
}

extension RPCError {
    static func unsupportedRevision(_ requested: String) -> RPCError {
        RPCError(
            code: unsupportedRevision, message: "the revision \"\(requested)\" of the protocol is not spoken here",
            data: ["supported": .list(MCPRevision.stateless), "requested": .string(requested)])
    }
}
