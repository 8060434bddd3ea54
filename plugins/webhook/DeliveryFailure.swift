internal import NIOHTTP1
internal import RunnelHTTP
internal import RunnelKit

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
