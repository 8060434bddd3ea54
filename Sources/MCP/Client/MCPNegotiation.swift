internal import RunnelKit

/// Negotiates the protocol revision with a server. Pure.
///
/// Servers of revision 2026-07-28 support `server/discover`; older ones expect `initialize` first. A server without a
/// valid answer to the former is treated as an old one.
///
/// - SeeAlso: Model Context Protocol 2026-07-28, "Versioning", "Backward Compatibility".
struct MCPNegotiation: Sendable {
    enum Move: Sendable, Equatable {
        case discover(MCPRevision)
        case initialize(MCPRevision)
        case ready(MCPRevision, announcesToolChanges: Bool)
        /// The text is a predicate for "the plugin …".
        case fail(String, isTransient: Bool = false, retryAfter: Duration? = nil)
    }

    private enum Stage: Equatable {
        case discovering, initializing
    }

    private var stage = Stage.discovering
    private var rounds = 0

    /// The first move.
    /// - Parameter remembered: The revision of the last session.
    mutating func start(remembered: MCPRevision?) -> Move {
        if let remembered, !remembered.isStateless { return initialize() }
        return discover(.newest)
    }

    /// The next move.
    /// - Parameter answer: The answer; nil after a timeout.
    mutating func next(_ answer: Result<Value, MCPFault>?) -> Move {
        rounds += 1
        guard rounds <= 4 else { return .fail("does not agree on a version of the protocol") }
        switch (stage, answer) {
        case (.discovering, .success(let result)?):
            let names = Self.names(result["supportedVersions"])
            guard let version = MCPRevision.newest(among: names, isStateless: true) else { return initialize() }
            return .ready(version, announcesToolChanges: Self.announces(result))
        case (.discovering, .failure(.answer(code: MCPFault.unsupportedVersion, _, let data))?):
            let names = Self.names(data?["supported"])
            if rounds == 1, let version = MCPRevision.newest(among: names, isStateless: true) {
                return discover(version)
            }
            if !names.isEmpty, MCPRevision.newest(among: names, isStateless: false) == nil { return disagree(names) }
            return initialize()
        case (.discovering, _): return initialize()
        case (.initializing, .success(let result)?):
            let name = result["protocolVersion"]?.asString ?? ""
            guard let version = MCPRevision(rawValue: name), !version.isStateless else { return disagree([name]) }
            return .ready(version, announcesToolChanges: Self.announces(result))
        case (.initializing, .failure(.answer(code: MCPFault.unsupportedVersion, _, let data))?):
            // It is a new server after all, which answered the first request late.
            let names = Self.names(data?["supported"])
            guard rounds <= 2, let version = MCPRevision.newest(among: names, isStateless: true) else {
                return disagree(names)
            }
            return discover(version)
        case (.initializing, .failure(.answer(let code, let message, _))?):
            return .fail("refused to begin with the error \(code): \(message)")
        case (.initializing, .failure(.refused(let words, let isTransient, let retryAfter))?):
            return .fail(words, isTransient: isTransient, retryAfter: retryAfter)
        case (.initializing, .failure(.closed(let end))?): return .fail(end.words)
        case (.initializing, .failure(.sessionExpired)?): return .fail("ended the session at once")
        case (.initializing, nil): return .fail("did not answer \"initialize\"")
        }
    }

    /// The parameters of `initialize`.
    static func parameters(_ version: MCPRevision) -> ValueObject {
        ["protocolVersion": .string(version.rawValue), "capabilities": [:], "clientInfo": MCPClientSession.clientInfo]
    }

    private mutating func discover(_ version: MCPRevision) -> Move {
        stage = .discovering
        return .discover(version)
    }

    private mutating func initialize() -> Move {
        stage = .initializing
        return .initialize(.handshake)
    }

    private func disagree(_ names: [String]) -> Move {
        let theirs = names.filter { !$0.isEmpty }.joined(separator: ", ")
        return .fail(
            "speaks \(theirs.isEmpty ? "an unnamed version" : theirs) of the Model Context Protocol; Runnel speaks "
                + MCPRevision.words)
    }

    private static func names(_ value: Value?) -> [String] {
        value?.asList?.compactMap(\.asString) ?? []
    }

    private static func announces(_ result: Value) -> Bool {
        result["capabilities"]?["tools"]?["listChanged"]?.asBool ?? false
    }
}
