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
                        "\(failure.brief.hasSuffix(".") ? String(failure.brief.dropLast()) : failure.brief); trying again in \(DurationText.format(delay)) "
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
            reply = try await withTimeLimit(timeout, clock: context.clock, error: TransportProblem.timedOut(timeout)) {
                try await sender.send(signed)
            }
        } catch let problem as TransportProblem {
            throw DeliveryFailure(problem, call: shown)
        }
        guard (200...299).contains(reply.status) else {
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
