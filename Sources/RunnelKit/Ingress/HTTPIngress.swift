internal import RunnelSupport
internal import Synchronization

/// The paths below `/hooks/` that triggers have claimed. Triggers claim them with ``TriggerContext/serve(_:)``, and the
/// server looks them up. Each ``Services`` has one.
package final class HTTPIngress: ServiceKey, Sendable {
    package typealias Service = HTTPIngress

    package static let name = "the HTTP ingress"
    /// In front of each route's path.
    package static let prefix = "/hooks/"

    private struct State {
        /// By ``RoutePattern/shape``.
        var routes: [String: (token: UInt64, route: ClaimedRoute)] = [:]
        /// The shapes that have parameters.
        var patterns: [String] = []
        /// Registrations that wait for a shape that another route holds.
        var waiting: [UInt64: (shape: String, continuation: CheckedContinuation<Void, Never>)] = [:]
        var lastToken: UInt64 = 0
        var isShutDown = false

        mutating func makeToken() -> UInt64 {
            lastToken += 1
            return lastToken
        }
    }

    /// The right to a path.
    struct Claim: Sendable {
        let path: String
        fileprivate let shape: String
        fileprivate let token: UInt64
    }

    private enum Attempt {
        case claimed(Claim)
        case takenBy(ClaimedRoute)
    }

    private let state = Mutex(State())

    package init() {}

    /// The route of a path behind `/hooks/`, and what stands in the places of its parameters; slashes around the path
    /// do not count. A literal segment is preferred to a parameter. nil where there is none.
    package func route(_ path: String) -> ClaimedRoute? {
        let segments = path.split(separator: "/", omittingEmptySubsequences: false).trimmingEmpty()
        return state.withLock { state in
            guard !state.isShutDown else { return nil }
            if let route = state.routes[segments.joined(separator: "/")]?.route, route.pattern.parameters.isEmpty {
                return route
            }
            var best: ClaimedRoute?
            for shape in state.patterns {
                guard let route = state.routes[shape]?.route, route.pattern.matches(segments) else { continue }
                if best.map({ route.pattern.precedes($0.pattern) }) ?? true { best = route }
            }
            return best
        }
    }

    /// All routes, by path.
    package var routes: [ClaimedRoute] {
        state.withLock { $0.routes.values.map(\.route).sorted { $0.path < $1.path } }
    }

    /// Removes all routes. A request that is cancelled from now on does not count as a client that disconnected.
    package func shutDown() {
        state.withLock { $0.isShutDown = true }
    }

    /// Whether ``shutDown()`` was called: a route that is not found may be there after the next start.
    package var isShutDown: Bool { state.withLock { $0.isShutDown } }

    /// Answers a request to a route that this ingress has.
    ///
    /// - Throws: `CancellationError` when the task is cancelled, and what the handler throws that is no answer.
    package func answer(_ request: IngressRequest, by route: ClaimedRoute) async throws -> IngressResponse {
        guard route.route.answersOtherMethods || route.route.methods.contains(request.method) else {
            return .methodNotAllowed(route.route.methods)
        }
        guard request.body.count <= route.body.limit else { return .bodyTooLarge(limit: route.body.limit) }
        let segments = request.path.dropFirst(Self.prefix.count).split(separator: "/", omittingEmptySubsequences: false)
        let parameters = route.pattern.values(in: segments.trimmingEmpty())
        do {
            return try await route.route.handler(request.serving(parameters) { self.status(of: route) })
        } catch let error as IngressError {
            return error.response
        } catch let refusal as TriggerRefusal {
            return IngressResponse(refusal)
        }
    }

    private func status(of route: ClaimedRoute) -> IngressRouteStatus {
        state.withLock { state in
            if state.isShutDown { return .shuttingDown }
            return state.routes[route.pattern.shape]?.route.pipeline == route.pipeline ? .active : .released
        }
    }

    /// Enters the route. While another one has the path, waits until it is free.
    /// - Parameter taken: Called with the other one, each time there is one.
    func claim(_ route: ClaimedRoute, taken: (ClaimedRoute) async -> Void) async throws -> Claim {
        let shape = route.pattern.shape
        while true {
            let attempt = state.withLock { state -> Attempt in
                if let other = state.routes[shape] { return .takenBy(other.route) }
                let token = state.makeToken()
                state.routes[shape] = (token, route)
                if !route.pattern.parameters.isEmpty { state.patterns.append(shape) }
                return .claimed(Claim(path: route.path, shape: shape, token: token))
            }
            switch attempt {
            case .claimed(let claim): return claim
            case .takenBy(let other):
                await taken(other)
                try await waitForRelease(of: shape)
            }
        }
    }

    func release(_ claim: Claim) {
        let waiting = state.withLock { state -> [CheckedContinuation<Void, Never>] in
            guard state.routes[claim.shape]?.token == claim.token else { return [] }
            state.routes[claim.shape] = nil
            state.patterns.removeAll { $0 == claim.shape }
            let woken = state.waiting.filter { $0.value.shape == claim.shape }
            for token in woken.keys { state.waiting[token] = nil }
            return woken.values.map(\.continuation)
        }
        for continuation in waiting { continuation.resume() }
    }

    private func waitForRelease(of shape: String) async throws {
        let token = state.withLock { $0.makeToken() }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isFree = state.withLock { state in
                    if state.routes[shape] == nil || Task.isCancelled { return true }
                    state.waiting[token] = (shape, continuation)
                    return false
                }
                if isFree { continuation.resume() }
            }
        } onCancel: {
            state.withLock { $0.waiting.removeValue(forKey: token) }?.continuation.resume()
        }
        try Task.checkCancellation()
    }
}

/// A route with the trigger that has claimed it.
package struct ClaimedRoute: Sendable {
    package let route: IngressRoute
    package let pattern: RoutePattern
    /// Whose runs it starts.
    package let pipeline: String
    /// The trigger's entry under `on:`.
    package let key: String

    package var path: String { pattern.path }
    package var body: IngressRoute.Body { route.body }

    init(_ route: IngressRoute, _ context: TriggerContext) throws(StepError) {
        self.route = route
        pattern = try RoutePattern(route.path)
        pipeline = context.pipeline
        key = context.key
    }
}

/// A route's path: literal segments, and parameters that stand for any one segment.
package struct RoutePattern: Sendable, Hashable {
    private enum Segment: Hashable {
        case literal(String)
        case parameter(String)
    }

    package let path: String
    private let segments: [Segment]
    package let parameters: [String]
    /// The path with the names of its parameters left out: two paths of one shape match the same requests.
    let shape: String

    init(_ path: String) throws(StepError) {
        let parts = path.split(separator: "/", omittingEmptySubsequences: false).trimmingEmpty()
        self.path = parts.joined(separator: "/")
        var segments: [Segment] = []
        var parameters: [String] = []
        for part in parts {
            if part.hasPrefix("{"), part.hasSuffix("}"), Self.isName(part.dropFirst().dropLast()) {
                parameters.append(String(part.dropFirst().dropLast()))
                segments.append(.parameter(String(part.dropFirst().dropLast())))
            } else if part != ".", part != "..", Self.isName(part) {
                segments.append(.literal(String(part)))
            }
        }
        guard !parts.isEmpty, segments.count == parts.count, path.utf8.count <= 200,
            Set(parameters).count == parameters.count
        else {
            throw StepError(
                "bad-with", "\(Value.string(path).quoted()) cannot be the path of a hook",
                hint: "use letters, digits, \"-\", \"_\", \".\" and \"~\", with slashes between: \"github/issues\"")
        }
        self.segments = segments
        self.parameters = parameters
        shape = segments.map { if case .literal(let text) = $0 { text } else { "{}" } }.joined(separator: "/")
    }

    private static func isName(_ text: Substring) -> Bool {
        !text.isEmpty && text.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "._~-".contains($0)) }
    }

    /// A parameter matches what can be percent-decoded and is not empty.
    func matches(_ path: [Substring]) -> Bool {
        guard path.count == segments.count else { return false }
        return zip(segments, path).allSatisfy { segment, part in
            switch segment {
            case .literal(let text): text == part
            case .parameter: !part.isEmpty && PercentDecoding.text(part) != nil
            }
        }
    }

    func values(in path: [Substring]) -> [String: String] {
        var values: [String: String] = [:]
        for case (.parameter(let name), let part) in zip(segments, path) { values[name] = PercentDecoding.text(part) }
        return values
    }

    /// Whether the first difference is a literal here and a parameter there.
    func precedes(_ other: RoutePattern) -> Bool {
        for (own, others) in zip(segments, other.segments) {
            switch (own, others) {
            case (.literal, .parameter): return true
            case (.parameter, .literal): return false
            default: continue
            }
        }
        return false
    }
}

extension [Substring] {
    /// Without the empty segments that slashes at either end make.
    fileprivate func trimmingEmpty() -> [Substring] {
        var rest = self[...].drop { $0.isEmpty }
        while rest.last?.isEmpty == true { rest.removeLast() }
        return Array(rest)
    }
}
