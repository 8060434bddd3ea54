internal import AsyncHTTPClient
internal import Logging
internal import NIOCore
public import RunnelKit
internal import RunnelSupport

/// What carries the requests of all steps: the network, or what a test has in its place.
public protocol HTTPSender: Sendable {
    /// Sends the request and reads the answer to its end or limit. Redirects are answers like any other.
    ///
    /// - Throws: ``TransportProblem``, or `CancellationError` soon after the task is cancelled. Where the body need not be
    ///   whole (``HTTPCall/bodyUse``), the answer may be returned instead, with what has come of its body.
    func send(_ call: HTTPCall) async throws -> HTTPReply

    /// Waits before a request is sent once more. A test need not really wait.
    func pause(for delay: Duration, on clock: any Clock<Duration>) async throws

    /// Ends all connections. Afterwards nothing can be sent.
    func shutDown() async
}

extension HTTPSender {
    /// Sends the request as ``send(_:)`` does, and gives up after the limit. Then the answer is one whose status has
    /// come, if the call does without the rest.
    ///
    /// - Throws: ``TransportProblem``, or `CancellationError`.
    public func send(
        _ call: HTTPCall, within limit: Duration, on clock: any Clock<Duration>
    ) async throws -> HTTPReply {
        let (result, isLate) = await withDeadline(limit, clock: clock) { try await send(call) }
        try Task.checkCancellation()
        guard isLate else { return try result.get() }
        guard case .success(var reply) = result else { throw TransportProblem.timedOut(limit) }
        if reply.isBodyCut, reply.bodyProblem == nil { reply.bodyProblem = .timedOut(limit) }
        return reply
    }

    /// Sleeps on the clock.
    public func pause(for delay: Duration, on clock: any Clock<Duration>) async throws {
        try await clock.sleep(for: delay)
    }
}

/// The one HTTP client that all steps share.
public enum HTTPClientService: ServiceKey {
    /// The network, or what stands in for it.
    public typealias Service = any HTTPSender

    /// For errors.
    public static let name = "the HTTP client"

    /// How long a connection may take to be made, the TLS handshake included.
    public static let connectTimeout: Duration = .seconds(10)

    /// Says how the client is made and shut down.
    public static func register(in services: Services) async {
        await services.register(HTTPClientService.self, shutDown: { await $0.shutDown() }) { services in
            NetworkSender(network: try Network.registered(in: services), configuration: configuration)
        }
    }

    /// Puts something else in the place of the network.
    public static func register(_ sender: any HTTPSender, in services: Services) async {
        await services.register(HTTPClientService.self, shutDown: { await $0.shutDown() }) { _ in sender }
    }

    static var configuration: HTTPClient.Configuration {
        var configuration = HTTPClient.Configuration(
            // Steps follow redirects themselves: they drop credentials and count.
            redirectConfiguration: .disallow,
            // The time a whole call may take is kept by the step, on its own clock.
            timeout: .init(connect: .nanoseconds(connectTimeout.nanoseconds)),
            // A call decompresses by itself, up to its limit.
            decompression: .disabled)
        // Trying again is the decision of whoever waits, who wants to see why it failed.
        configuration.connectionPool.retryConnectionEstablishment = false
        configuration.connectionPool.idleTimeout = .seconds(15)
        return configuration
    }
}

extension StepContext {
    /// Sends a request with the HTTP client that all steps share. Redirects are answers like any other.
    ///
    /// - Parameter limit: For the whole answer, on the clock of the step.
    /// - Throws: A `StepError` that says whether trying again may help: `connection-refused`, `http-timeout` and
    ///   others; `CancellationError`.
    public func send(_ call: HTTPCall, within limit: Duration = .seconds(30)) async throws -> HTTPReply {
        let sender = try await services.get(HTTPClientService.self)
        var call = call
        call.carry(trace.context)
        do {
            return try await sender.send(call, within: limit, on: clock)
        } catch let problem as TransportProblem {
            throw problem.stepError(call: call.shown)
        }
    }

    /// Who chose the host of a URL in `with:`.
    /// - Parameter key: The key that holds the URL.
    public func hostSource(ofURLAt key: String) -> HTTPCall.HostSource {
        guard let prefix = dataKeys[key] else { return .author }
        // Scheme, host and port are the author's where the literal text goes on behind them.
        if let start = prefix.firstRange(of: "://")?.upperBound,
            prefix[start...].contains(where: { $0 == "/" || $0 == "?" || $0 == "#" })
        {
            return .author
        }
        return isFromOutside ? .outside : .data
    }

    /// Warns in the log if a request would send credentials to another machine without encryption.
    public func warnOfExposedCredentials(in call: HTTPCall) {
        guard call.url.exposesCredentials, call.headers.contains(where: { SensitiveName.matches($0.name) }) else {
            return
        }
        logger.warning("credentials go to \(call.url.host) without encryption; use https")
    }
}

/// Runs `operation` and cancels it when it takes longer than `limit` on `clock`.
///
/// - Parameter takesLateResult: Whether a result of the cancelled operation counts, such as an answer without the rest of
///   its body.
/// - Throws: What the operation throws, or `error` once the limit has passed.
public func withTimeLimit<Result: Sendable>(
    _ limit: Duration, clock: any Clock<Duration>, error: any Error, takesLateResult: Bool = false,
    operation: @escaping @Sendable () async throws -> Result
) async throws -> Result {
    let (result, isLate) = await withDeadline(limit, clock: clock, operation)
    if isLate {
        guard takesLateResult, case .success(let late) = result else { throw error }
        return late
    }
    return try result.get()
}
