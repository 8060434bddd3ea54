internal import RunnelKit

/// The revisions of the Model Context Protocol that are spoken, the newest first.
enum MCPRevision: String, Sendable, CaseIterable {
    /// Without handshake: each request says its revision.
    case july2026 = "2026-07-28"
    case november2025 = "2025-11-25"
    case june2025 = "2025-06-18"
    case march2025 = "2025-03-26"
    case november2024 = "2024-11-05"

    var isStateless: Bool { self == .july2026 }
    /// Whether results may hold `structuredContent`.
    var hasStructuredContent: Bool { self != .march2025 && self != .november2024 }
    /// Whether several messages may stand in one list.
    var hasBatches: Bool { self == .march2025 }

    static let stateless: [Value] = allCases.filter(\.isStateless).map { .string($0.rawValue) }
    /// The key under `_meta` in which a request says its revision.
    static let key = "io.modelcontextprotocol/protocolVersion"
    /// The key under `_meta` in which news say which subscription they belong to.
    static let subscriptionKey = "io.modelcontextprotocol/subscriptionId"

    /// What is agreed on with a client that begins with a handshake: what it wants, or the newest there is.
    static func agreed(on requested: String?) -> MCPRevision {
        requested.flatMap(MCPRevision.init(rawValue:)).flatMap { $0.isStateless ? nil : $0 } ?? .november2025
    }
}
