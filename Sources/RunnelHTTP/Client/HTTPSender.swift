/// What carries the requests of all steps: the network, or what a test has in its place.
public protocol HTTPSender: Sendable {
    /// Sends the request and reads the answer to its end or limit. Redirects are answers like any other.
    ///
    /// - Throws: ``TransportProblem``, or `CancellationError` soon after the task is cancelled.
    func send(_ call: HTTPCall) async throws -> HTTPReply

    /// Waits before a request is sent once more. A test need not really wait.
    func pause(for delay: Duration, on clock: any Clock<Duration>) async throws

    /// Ends all connections. Afterwards nothing can be sent.
    func shutDown() async
}

extension HTTPSender {
    /// Sleeps on the clock.
    public func pause(for delay: Duration, on clock: any Clock<Duration>) async throws {
        try await clock.sleep(for: delay)
    }
}
