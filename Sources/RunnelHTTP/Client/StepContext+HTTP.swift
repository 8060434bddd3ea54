public import RunnelKit

extension StepContext {
    /// Sends a request with the HTTP client that all steps share. Redirects are answers like any other.
    ///
    /// - Parameter limit: For the whole answer, on the clock of the step.
    /// - Throws: A `StepError` that says whether trying again may help: `connection-refused`, `http-timeout` and
    ///   others; `CancellationError`.
    public func send(_ call: HTTPCall, within limit: Duration = .seconds(30)) async throws -> HTTPReply {
        let sender = try await services.get(HTTPClientService.self)
        do {
            return try await withTimeLimit(limit, clock: clock, error: TransportProblem.timedOut(limit)) {
                try await sender.send(call)
            }
        } catch let problem as TransportProblem {
            throw problem.stepError(call: call.shown)
        }
    }
}
