internal import Logging
public import RunnelKit

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
            return try await withTimeLimit(limit, clock: clock, error: TransportProblem.timedOut(limit)) {
                [call] in try await sender.send(call)
            }
        } catch let problem as TransportProblem {
            throw problem.stepError(call: call.shown)
        }
    }

    /// Whether the host of a URL in `with:` comes from outside, such as from a trigger.
    /// - Parameter key: The key that holds the URL.
    public func isUntrusted(urlAt key: String) -> Bool {
        guard let prefix = untrustedKeys[key] else { return false }
        // Scheme, host and port are the author's where the literal text goes on behind them.
        guard let start = prefix.firstRange(of: "://")?.upperBound else { return true }
        return !prefix[start...].contains { $0 == "/" || $0 == "?" || $0 == "#" }
    }

    /// Warns in the log if a request would send credentials to another machine without encryption.
    public func warnOfExposedCredentials(in call: HTTPCall) {
        guard call.url.exposesCredentials, call.headers.contains(where: { SensitiveName.matches($0.name) }) else {
            return
        }
        logger.warning("credentials go to \(call.url.host) without encryption; use https")
    }
}
