/// The revisions of the Model Context Protocol that Runnel speaks, the newest first.
enum MCPVersion: String, Sendable, CaseIterable {
    /// Without handshake and session: each request says its version.
    case july2026 = "2026-07-28"
    case november2025 = "2025-11-25"
    case june2025 = "2025-06-18"
    case march2025 = "2025-03-26"
    case november2024 = "2024-11-05"

    /// Whether the version stands in each request, and not in a handshake at the beginning.
    var isStateless: Bool { self == .july2026 }

    /// What a handshake offers.
    static let handshake = MCPVersion.november2025
    static let newest = MCPVersion.july2026

    /// The newest of the versions that a server names, among those of one kind.
    static func newest(among names: [String], isStateless: Bool) -> MCPVersion? {
        allCases.first { $0.isStateless == isStateless && names.contains($0.rawValue) }
    }

    /// All of them in a message.
    static var words: String { allCases.map(\.rawValue).joined(separator: ", ") }
}
