internal import RunnelSupport
internal import Synchronization

/// The paths below `/hooks/` that triggers have claimed. Triggers claim them with ``TriggerContext/serve(_:)``, and the
/// server looks them up. Each ``Services`` has one.
package final class HTTPIngress: ServiceKey, Sendable {
    package typealias Service = HTTPIngress

    package static let name = "the HTTP ingress"
    /// In front of each route's path.
    package static let prefix = "/hooks/"

    /// A route that wants a path. Of several with one shape the first by ``ClaimedRoute/precedes(_:)`` has it.
    private struct Claimant {
        let token: UInt64
        let route: ClaimedRoute
        let holders: AsyncStream<Holder>.Continuation
    }

    private struct State {
        /// By ``RoutePattern/shape``, in order.
        var claimants: [String: [Claimant]] = [:]
        /// The shapes that have parameters.
        var patterns: Set<String> = []
        /// Released paths without a new holder, by shape, and the end of the time in which requests wait for one.
        var released: [String: (pattern: RoutePattern, end: Duration)] = [:]
        var lastToken: UInt64 = 0
        var isShutDown = false

        func holder(of shape: String) -> ClaimedRoute? { claimants[shape]?.first?.route }

        func route(_ segments: [Substring]) -> ClaimedRoute? {
            guard !isShutDown else { return nil }
            if let route = holder(of: segments.joined(separator: "/")), route.pattern.parameters.isEmpty {
                return route
            }
            var best: ClaimedRoute?
            for shape in patterns {
                guard let route = holder(of: shape), route.pattern.matches(segments) else { continue }
                if best.map({ route.pattern.precedes($0.pattern) }) ?? true { best = route }
            }
            return best
        }

        /// How long a request waits for the next holder of a path that takes precedence over the route and was just
        /// released; nil if there is no such path.
        func timeToWait(_ segments: [Substring], _ route: ClaimedRoute?, at now: Duration) -> Duration? {
            guard !isShutDown, !released.isEmpty else { return nil }
            return released.values.filter { pattern, end in
                end > now && pattern.matches(segments) && (route.map { pattern.precedes($0.pattern) } ?? true)
            }.map { $0.end - now }.max()
        }
    }

    /// A place in the queue for a path.
    struct Claim: Sendable {
        let path: String
        fileprivate let shape: String
        fileprivate let token: UInt64
    }

    /// Who has a path, as one that wants it sees it.
    enum Holder: Sendable {
        case oneself
        case other(ClaimedRoute)
    }

    private let state = Mutex(State())
    /// Counts what ends the waiting for a released path: claims, and the shutdown.
    private let changes = Watched(0)
    private let handover: Duration
    private let time: TimeSource

    /// - Parameter handover: How long requests wait for a released path. The triggers of a changed pipeline end before
    ///   those of its new version start, and many senders do not retry after a 404.
    package init(handover: Duration = .seconds(5), clock: any Clock<Duration> = ContinuousClock()) {
        self.handover = handover
        time = TimeSource(clock)
    }

    /// The route of a path behind `/hooks/`, and what stands in the places of its parameters; slashes around the path
    /// do not count. A literal segment is preferred to a parameter. nil where there is none.
    package func route(_ path: String) -> ClaimedRoute? {
        let segments = Self.segments(of: path)
        return state.withLock { $0.route(segments) }
    }

    /// Like ``route(_:)``, but waits for the next holder of a path that was just released.
    ///
    /// - Throws: `CancellationError` when the task is cancelled.
    package func awaitedRoute(_ path: String) async throws -> ClaimedRoute? {
        let segments = Self.segments(of: path)
        while true {
            // Read before the state, so that no change between the two is missed.
            let change = changes.value
            let now = time.now()
            let (route, wait) = state.withLock { state in
                let route = state.route(segments)
                return (route, state.timeToWait(segments, route, at: now))
            }
            guard let wait else { return route }
            _ = await withDeadline(wait, clock: time.clock) { [changes] in try await changes.wait { $0 != change } }
            try Task.checkCancellation()
        }
    }

    /// What stands behind ``prefix`` in the path of a request.
    package static func place(in path: String) -> String {
        String(Substring(path.utf8.dropFirst(prefix.utf8.count)))
    }

    /// Split by bytes: finding characters takes several times as long.
    private static func segments(of path: String) -> [Substring] {
        PercentDecoding.normalized(path).utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
            .map { Substring($0) }.trimmingEmpty()
    }

    /// All routes that are served, by path.
    package var routes: [ClaimedRoute] {
        state.withLock { $0.claimants.values.compactMap(\.first?.route).sorted { $0.path < $1.path } }
    }

    /// Removes all routes. A request that is cancelled from now on does not count as a client that disconnected.
    package func shutDown() {
        state.withLock { $0.isShutDown = true }
        changes.update { $0 += 1 }
    }

    /// Whether ``shutDown()`` was called: a route that is not found may be there after the next start.
    package var isShutDown: Bool { state.withLock { $0.isShutDown } }

    /// Answers a request to a route that this ingress has.
    ///
    /// - Throws: `CancellationError` when the task is cancelled, and what the handler throws that is no answer.
    package func answer(_ request: IngressRequest, by route: ClaimedRoute) async throws -> IngressResponse {
        if let answer = route.route.ownAnswer(to: request) { return answer }
        guard request.bodySize <= route.body.limit else { return .bodyTooLarge(limit: route.body.limit) }
        let segments = Self.segments(of: Self.place(in: request.path))
        var request = request.serving(route.pattern.values(in: segments)) { self.status(of: route) }
        request.path = Self.prefix + segments.joined(separator: "/")
        DeliveryNote.current?.note(request)
        do {
            return try await route.route.handler(request)
        } catch let error as IngressError {
            return error.response
        } catch let refusal as TriggerRefusal {
            return IngressResponse(refusal)
        }
    }

    private func status(of route: ClaimedRoute) -> IngressRouteStatus {
        state.withLock { state in
            if state.isShutDown { return .shuttingDown }
            return state.holder(of: route.pattern.shape)?.pipeline == route.pipeline ? .active : .released
        }
    }

    /// Enters the route. Which of several routes with one shape is served depends on their pipelines' names alone, not
    /// on the order in which they come. Routes that are known from the pipelines' files come here only if they are served.
    ///
    /// - Returns: The claim, and who has the path, now and whenever that changes.
    func claim(_ route: ClaimedRoute) -> (claim: Claim, holders: AsyncStream<Holder>) {
        let shape = route.pattern.shape
        let (holders, continuation) = AsyncStream.makeStream(of: Holder.self, bufferingPolicy: .bufferingNewest(1))
        let token = state.withLock { state in
            state.lastToken += 1
            var claimants = state.claimants[shape] ?? []
            let place = claimants.firstIndex { route.precedes($0.route) } ?? claimants.endIndex
            claimants.insert(Claimant(token: state.lastToken, route: route, holders: continuation), at: place)
            state.claimants[shape] = claimants
            state.released[shape] = nil
            if !route.pattern.parameters.isEmpty { state.patterns.insert(shape) }
            Self.tell(place == 0 ? claimants[...] : claimants[place...place], first: claimants[0])
            return state.lastToken
        }
        changes.update { $0 += 1 }
        return (Claim(path: route.path, shape: shape, token: token), holders)
    }

    func release(_ claim: Claim) {
        state.withLock { state in
            guard var claimants = state.claimants[claim.shape],
                let place = claimants.firstIndex(where: { $0.token == claim.token })
            else { return }
            let removed = claimants.remove(at: place)
            removed.holders.finish()
            state.claimants[claim.shape] = claimants.isEmpty ? nil : claimants
            if claimants.isEmpty {
                state.patterns.remove(claim.shape)
                let now = time.now()
                state.released = state.released.filter { $0.value.end > now }
                state.released[claim.shape] = (pattern: removed.route.pattern, end: now + handover)
            }
            if place == 0, let first = claimants.first { Self.tell(claimants[...], first: first) }
        }
    }

    private static func tell(_ claimants: ArraySlice<Claimant>, first: Claimant) {
        for claimant in claimants {
            claimant.holders.yield(claimant.token == first.token ? .oneself : .other(first.route))
        }
    }
}

/// A route with the trigger that has claimed it.
package final class ClaimedRoute: Sendable {
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

    /// Whether this route is served rather than the other one, where both want one path: the first by the name of its
    /// pipeline, then by its trigger's key.
    func precedes(_ other: ClaimedRoute) -> Bool { (pipeline, key) < (other.pipeline, other.key) }
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
    package let shape: String

    package init(_ path: String) throws(StepError) {
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
                StepErrorCode.badWith, "\(Value.string(path).quoted()) cannot be the path of a hook",
                hint: "use letters, digits, \"-\", \"_\", \".\" and \"~\", with slashes between: \"github/issues\"; "
                    + "a part in braces is a parameter: \"scan/{id}\"")
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
            case .parameter: !part.isEmpty && part != "." && part != ".." && PercentDecoding.text(part) != nil
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
