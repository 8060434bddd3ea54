internal import Logging
internal import RunnelHTTP
internal import RunnelKit
internal import Synchronization

/// One hook: what happens to a call, from its first check to its answer.
struct WebhookEndpoint: Sendable {
    let path: String
    /// In upper case.
    let methods: [String]
    /// The origins whose pages may call.
    let origins: [String]
    let verification: Verification
    let bodies: BodyReader
    let limit: CallLimit?
    let deliveries: DeliveryKey
    let redeliver: RedeliverMode
    let respond: RespondMode
    let timeout: Duration
    let cancelsOnDisconnect: Bool
    let challengeToken: SharedSecrets?
    let context: TriggerContext
    let callers = WaitingCallers()

    /// Other methods go to the handler as well, since the question of a hub is a GET.
    var route: IngressRoute {
        IngressRoute(
            path, methods: methods, answersOtherMethods: true, body: .whole(upTo: bodies.limit),
            authenticatesCallers: verification.scheme != .none, origins: origins,
            // A browser sends what it has been told for `basic` with requests of other pages too.
            refusesOtherOrigins: [.none, .basic].contains(verification.scheme), watchesCaller: respond != .accepted,
            proofHeaders: verification.verifier.proofHeaders, handler: handle)
    }

    private func handle(_ request: IngressRequest) async throws -> IngressResponse {
        if let question = HubChallenge(request) { return answer(question, request) }
        guard methods.contains(request.method) else { return .methodNotAllowed(methods) }
        if let refusal = check(request) { return refusal }
        // Counted behind the check, so that nobody can use up what is there for those who may call.
        if let wait = limit?.wait() { return .tooManyRequests(retryAfter: wait) }
        let runID: String
        switch await start(request) {
        case .run(let id): runID = id
        case .answer(let response): return response
        }
        return await answer(runID, request)
    }

    private enum Start {
        case run(String)
        case answer(IngressResponse)
    }

    /// Starts the run. What the delivery holds is released when this returns: an answer may take long.
    private func start(_ request: IngressRequest) async -> Start {
        let event: TriggerEvent
        do throws(BodyProblem) {
            let body = try bodies.read(request)
            if verification.scheme == .slack, let question = SlackChallenge(body.value) {
                return .answer(.text(200, question.challenge))
            }
            event = try self.event(request, body)
        } catch {
            return .answer(error.response)
        }
        do throws(TriggerRefusal) {
            guard let run = try await context.emit(event).runID else { return .answer(.json(202, ["ignored": true])) }
            return .run(run)
        } catch {
            return .answer(IngressResponse(error))
        }
    }

    /// The answer to a caller who may not call; nil for one who may.
    private func check(_ request: IngressRequest) -> IngressResponse? {
        do throws(VerificationFailure) {
            try verification.verifier.verify(request, now: context.now() / 1_000_000_000)
            return nil
        } catch {
            return refuse(error.reason)
        }
    }

    private func refuse(_ reason: String) -> IngressResponse {
        let challenge = verification.verifier.challenge.map { [("www-authenticate", $0)] } ?? []
        return IngressResponse(status: 401, headers: HeaderList(challenge), refusal: reason)
    }

    private func answer(_ question: HubChallenge, _ request: IngressRequest) -> IngressResponse {
        if let challengeToken {
            guard let token = question.token, challengeToken.contain(token) else {
                return refuse("hub.verify_token is missing or wrong")
            }
        } else if !verification.verifier.coversBody, let refusal = check(request) {
            return refusal
        }
        return .text(200, question.challenge)
    }

    private func event(_ request: IngressRequest, _ body: WebhookBody) throws(BodyProblem) -> TriggerEvent {
        try WebhookEvent(verification: verification, deliveries: deliveries, redeliver: redeliver).event(request, body)
    }

    private func answer(_ runID: String, _ request: IngressRequest) async -> IngressResponse {
        switch respond {
        case .accepted: RunAnswer.accepted(runID)
        case .result: await result(of: runID, request)
        case .stream:
            StreamAnswer(context: context, runID: runID, request: request, callers: callers) {
                await cancel(runID, request)
            }.response
        }
    }

    private struct TimeIsUp: Error {}

    private func result(of runID: String, _ request: IngressRequest) async -> IngressResponse {
        let end: Result<RunEnd, any Error>
        callers.enter(runID)
        do {
            end = .success(
                try await withTimeLimit(timeout, clock: context.clock, error: TimeIsUp()) { [context] in
                    try await context.end(of: runID)
                })
        } catch {
            end = .failure(error)
        }
        let isLast = callers.leave(runID)
        switch end {
        case .success(let end): return RunAnswer.ended(runID, end)
        case .failure(let error as StepError) where error.has(.noSuchRun): return RunAnswer.forgotten(runID)
        case .failure:
            // The time is up, the caller has gone, or Runnel shuts down: the run is on disk and goes on.
            if Task.isCancelled, isLast { await cancel(runID, request) }
            return RunAnswer.accepted(runID)
        }
    }

    /// Cancels the run of a caller that disconnected, if `cancelsOnDisconnect` is set and the hook is still active.
    private func cancel(_ runID: String, _ request: IngressRequest) async {
        guard cancelsOnDisconnect, request.routeStatus == .active else { return }
        // This task is cancelled itself by now, which must not keep the word from going out.
        let cancelling = Task { [context] in try await context.cancel(runID) }
        do {
            try await cancelling.value
        } catch {
            context.logger.warning("a run could not be cancelled", metadata: ["run": "\(runID)", "reason": "\(error)"])
        }
    }
}

/// Counts the callers that wait for each run: a sender that repeats a delivery waits for the same run as before.
final class WaitingCallers: Sendable {
    private let counts = Mutex<[String: Int]>([:])

    func enter(_ run: String) {
        counts.withLock { $0[run, default: 0] += 1 }
    }

    /// - Returns: Whether this was the last caller that waited for the run.
    func leave(_ run: String) -> Bool {
        counts.withLock { counts in
            let rest = counts[run, default: 1] - 1
            counts[run] = rest == 0 ? nil : rest
            return rest == 0
        }
    }
}

/// How many calls a hook has taken of late.
final class CallLimit: Sendable {
    private let bucket: Mutex<TokenBucket>
    private let elapsed: @Sendable () -> Duration

    init(_ rate: CallRate, clock: any Clock<Duration>) {
        bucket = Mutex(TokenBucket(size: rate.count, per: rate.period))
        elapsed = Self.stopwatch(clock)
    }

    private static func stopwatch(_ clock: some Clock<Duration>) -> @Sendable () -> Duration {
        let start = clock.now
        return { start.duration(to: clock.now) }
    }

    /// Counts a call.
    ///
    /// - Returns: nil if it may go on; otherwise when to call again.
    func wait() -> Duration? {
        let now = elapsed()
        return bucket.withLock { $0.take(at: now) }
    }
}
