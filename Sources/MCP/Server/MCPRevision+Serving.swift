internal import RunnelKit

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
