internal import NIOHTTP1
internal import RunnelHTTP
internal import RunnelKit

/// One webhook on its way, through all its attempts.
struct Delivery: Sendable {
    let sender: any HTTPSender
    let call: HTTPCall
    let id: String
    let secrets: SigningSecrets?
    let timeout: Duration
    let context: StepContext

    /// Sends until the webhook is accepted or there is no point in going on.
    func run(_ retry: DeliveryRetry) async throws -> (HTTPReply, attempts: Int) {
        var generator = SystemRandomNumberGenerator()
        var attempt = 1
        while true {
            do {
                return (try await send(), attempt)
            } catch let failure as DeliveryFailure {
                let decision = retry.decide(
                    attempt: attempt, isTransient: failure.error.isTransient, retryAfter: failure.error.retryAfter,
                    using: &generator)
                guard case .retry(let delay) = decision else { throw failure.final(attempts: attempt, retry: decision) }
                attempt += 1
                await context.report(
                    .note(
                        "\(failure.brief); trying again in \(DurationText.format(delay)) "
                            + "(attempt \(attempt) of \(retry.attempts))\(failure.shortened(to: delay, by: retry))"))
                try await sender.pause(for: delay, on: context.clock)
            }
        }
    }

    /// How many runs led to the one that sends; see `TriggerEvent.cause`.
    static let chainHeader = "runnel-chain"

    private func send() async throws -> HTTPReply {
        let signed = signed(at: context.now() / 1_000_000_000)
        let shown = "\(call.method) \(call.url.shownWithoutPath)"
        let reply: HTTPReply
        do {
            reply = try await sender.send(signed, within: timeout, on: context.clock)
        } catch let problem as TransportProblem {
            throw DeliveryFailure(problem, call: shown)
        }
        if reply.accepts, let problem = reply.bodyProblem {
            await context.report(.note("accepted; the rest of the answer is missing: \(problem.brief)"))
        }
        guard reply.accepts else {
            let own = signed.redactor(more: ownSecrets)
            throw DeliveryFailure(reply, from: call.url, call: shown, now: context.now()) {
                own.redact(context.redactor.redact($0))
            }
        }
        return reply
    }

    /// The call with the header fields of this attempt.
    private func signed(at timestamp: Int64) -> HTTPCall {
        var signed = call
        signed.headers.replaceOrAdd(name: "webhook-id", value: id)
        if let epoch = context.identity.epoch {
            signed.headers.replaceOrAdd(name: "runnel-epoch", value: "\(epoch)")
            signed.headers.replaceOrAdd(name: Self.chainHeader, value: "\(context.chain)")
        }
        signed.carry(context.trace.context)
        signed.headers.replaceOrAdd(name: "webhook-timestamp", value: "\(timestamp)")
        if let secrets {
            let signature = WebhookSignature.header(
                keys: secrets.keys, id: id, timestamp: timestamp, body: call.body ?? [])
            signed.headers.replaceOrAdd(name: "webhook-signature", value: signature)
        }
        return signed
    }

    /// What of the webhook must not appear in an error: also the parts of its path that may be a password.
    private var ownSecrets: [String] {
        let segments = call.url.path.split(separator: "/").map(String.init).filter { $0.utf8.count >= 8 }
        return (secrets?.texts ?? []) + [call.url.userInfo?.password].compactMap(\.self) + segments
    }
}

extension HTTPReply {
    /// Whether the webhook was accepted.
    fileprivate var accepts: Bool { (200...299).contains(status) }
}

/// Why one attempt failed: a few words for the note about the next, and the error if there is none.
struct DeliveryFailure: Error {
    let brief: String
    var error: StepError

    init(_ problem: TransportProblem, call: String) {
        brief = problem.brief
        error = problem.stepError(call: call)
    }

    /// - Parameters:
    ///   - call: method and URL as messages show them.
    ///   - redact: masks secrets.
    init(_ reply: HTTPReply, from url: HTTPURL, call: String, now: Int64, redact: (String) -> String) {
        brief = "HTTP \(reply.status)"
        if (300...399).contains(reply.status), let location = reply.headers.first(name: "location") {
            let target = (try? url.resolving(location).shown).map { "\"\(redact($0))\"" } ?? "a place that is no URL"
            error = StepError(
                WebhookErrorCode.redirectNotFollowed, "\(call) answered \(reply.statusLine) and points to \(target)",
                hint: "webhooks are not sent on to other places; put that URL into `url` if you trust it")
            return
        }
        let words = ServerWords.line(of: reply, redact: redact)
        error = StatusProblem.error(call: call, reply: reply, words: words, now: now)
        if reply.status == 410 {
            error.code = "webhook-gone"
            error.hint = "the receiver wants no more webhooks at this URL: remove the step or ask for a new URL"
        }
    }

    /// What there is to say where the receiver asked for a longer wait; empty otherwise.
    func shortened(to delay: Duration, by retry: DeliveryRetry) -> String {
        guard let asked = error.retryAfter, asked > delay else { return "" }
        return
            "; it asked to wait \(DurationText.format(asked)), `max_backoff` allows \(DurationText.format(retry.maxBackoff))"
    }

    /// The error after the last attempt.
    func final(attempts: Int, retry decision: DeliveryRetry.Decision) -> StepError {
        var error = error
        if attempts > 1 { error.message += " (tried \(attempts) times)" }
        if case .asksTooMuch(let wait) = decision {
            let longest = DurationText.format(DeliveryRetry.longestRetryAfter)
            error.hint =
                "the receiver asks to wait \(DurationText.format(wait)), and a step waits \(longest) at most: run it again later"
        }
        return error
    }
}

/// Decides whether and when a webhook is sent again.
struct DeliveryRetry: Sendable, Hashable {
    enum Decision: Hashable {
        case retry(after: Duration)
        case giveUp
        /// The receiver asks for more patience than a step has.
        case asksTooMuch(Duration)
    }

    /// A receiver that asks for more is not asked again: coming back much earlier would be refused.
    static let longestRetryAfter: Duration = .seconds(600)

    /// How often is sent at most, the first time included.
    let attempts: Int
    /// The delay before the second attempt; it doubles with each further one.
    let backoff: Duration
    /// Where the doubling ends, and the longest wait, also where the receiver asks for a longer one.
    let maxBackoff: Duration

    /// - Parameters:
    ///   - attempt: which attempt failed, from 1.
    ///   - isTransient: whether the failure may pass.
    ///   - retryAfter: what the receiver asked for.
    ///   - generator: takes up to half of the delay off by chance, so that senders do not come back all at once.
    func decide(
        attempt: Int, isTransient: Bool, retryAfter: Duration?, using generator: inout some RandomNumberGenerator
    ) -> Decision {
        guard isTransient, attempt < attempts else { return .giveUp }
        let delay = Self.rounded(
            Backoff(initial: backoff, maximum: maxBackoff)
                .delay(afterAttempt: attempt, jitter: Double.random(in: 0...1, using: &generator)))
        guard let retryAfter else { return .retry(after: delay) }
        guard retryAfter <= Self.longestRetryAfter else { return .asksTooMuch(retryAfter) }
        return .retry(after: max(delay, min(retryAfter, maxBackoff)))
    }

    /// A delay that reads well in a note: whole milliseconds below a second, tenths above.
    private static func rounded(_ delay: Duration) -> Duration {
        let step: Int64 = delay < .seconds(1) ? 1 : 100
        let milliseconds = delay / .milliseconds(step)
        return .milliseconds(Int64(milliseconds.rounded(.up)) * step)
    }
}
