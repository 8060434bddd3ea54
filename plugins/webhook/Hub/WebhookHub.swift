public import RunnelKit
internal import Synchronization

/// All hooks that can be called, by path. The triggers enter themselves, the server asks.
public final class WebhookHub: ServiceKey, Sendable {
    public typealias Service = WebhookHub

    public static let name = "the list of webhooks"

    private struct State {
        var routes: [String: (token: UInt64, route: WebhookRoute)] = [:]
        /// Those who wait for a path that another one has.
        var waiting: [UInt64: (path: String, continuation: CheckedContinuation<Void, Never>)] = [:]
        var lastToken: UInt64 = 0
        var isShutDown = false

        mutating func makeToken() -> UInt64 {
            lastToken += 1
            return lastToken
        }
    }

    /// The right to a path.
    struct Claim: Sendable {
        fileprivate let path: String
        fileprivate let token: UInt64
    }

    private enum Attempt {
        case claimed(Claim)
        case takenBy(WebhookRoute)
    }

    private let state = Mutex(State())

    public init() {}

    /// The hook behind `/hooks/`; slashes around the path do not count. Nil where there is none.
    public func route(_ path: String) -> WebhookRoute? {
        let path = Self.trimmed(path)
        return state.withLock { $0.isShutDown ? nil : $0.routes[path]?.route }
    }

    /// All hooks, by path.
    public var routes: [WebhookRoute] {
        state.withLock { $0.routes.values.map(\.route).sorted { $0.path < $1.path } }
    }

    /// From now on there are no hooks, and a call that is cancelled is not taken for a caller who went.
    public func shutDown() {
        state.withLock { $0.isShutDown = true }
    }

    /// Whether ``shutDown()`` was called: a hook that is not found may be there again once Runnel has started again.
    public var isShutDown: Bool { state.withLock { $0.isShutDown } }

    /// Enters the route. While another one has the path, waits until it is free.
    /// - Parameter taken: Called with the other one, each time there is one.
    func claim(_ route: WebhookRoute, taken: (WebhookRoute) async -> Void) async throws -> Claim {
        while true {
            let attempt = state.withLock { state -> Attempt in
                if let other = state.routes[route.path] { return .takenBy(other.route) }
                let token = state.makeToken()
                state.routes[route.path] = (token, route)
                return .claimed(Claim(path: route.path, token: token))
            }
            switch attempt {
            case .claimed(let claim): return claim
            case .takenBy(let other):
                await taken(other)
                try await waitForRelease(of: route.path)
            }
        }
    }

    func release(_ claim: Claim) {
        let waiting = state.withLock { state -> [CheckedContinuation<Void, Never>] in
            guard state.routes[claim.path]?.token == claim.token else { return [] }
            state.routes[claim.path] = nil
            let woken = state.waiting.filter { $0.value.path == claim.path }
            for token in woken.keys { state.waiting[token] = nil }
            return woken.values.map(\.continuation)
        }
        for continuation in waiting { continuation.resume() }
    }

    /// Whether calls of the path still reach the pipeline.
    func isServing(_ path: String, pipeline: String) -> Bool {
        state.withLock { !$0.isShutDown && $0.routes[path]?.route.pipeline == pipeline }
    }

    private func waitForRelease(of path: String) async throws {
        let token = state.withLock { $0.makeToken() }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isFree = state.withLock { state in
                    if state.routes[path] == nil || Task.isCancelled { return true }
                    state.waiting[token] = (path, continuation)
                    return false
                }
                if isFree { continuation.resume() }
            }
        } onCancel: {
            state.withLock { $0.waiting.removeValue(forKey: token) }?.continuation.resume()
        }
        try Task.checkCancellation()
    }

    private static func trimmed(_ path: String) -> String {
        var path = path[...].drop { $0 == "/" }
        while path.last == "/" { path.removeLast() }
        return String(path)
    }
}
