import MarketplaceSimulator
import RunnelHTTP
import RunnelKit

/// A call that a test has no answer for.
struct MissingAnswer: Sendable {
    let message: String
    let hint: String

    /// - Parameter isUsed: Whether there was an answer that has been given already.
    init(_ request: SentRequest, isUsed: Bool) {
        let call = "\(request.method) \(request.url.text)"
        message =
            isUsed
            ? "the run sent \(call) once more, and all answers to it have been given"
            : "the run sent \(call), and the test has no answer to it"
        let entry = "- { url: \"\(request.url.text)\", method: \(request.method), status: 200, body: \"…\" }"
        hint = "add to `http:`: \(entry)" + (isUsed ? ", or `repeat: true` to the last one" : "")
    }

    init(_ request: CannedRequest, step: String, isUsed: Bool) {
        let prompt = request.messages.last { $0.role == "user" }?.content ?? ""
        let shown = Value.string(prompt).quoted(limit: 100)
        message =
            isUsed
            ? "the step \"\(step)\" asked the agent once more, and all answers have been given: \(shown)"
            : "the step \"\(step)\" asked the agent, and the test has no answer to it: \(shown)"
        hint = "add to `chat:`: - \(request.wantsJSON ? "json: { … }" : "text: …")"
    }

    /// - Parameter count: How many calls there is an outcome for.
    init(step: String, count: Int) {
        message = "the step \"\(step)\" ran more often than the \(count) times that the test has an outcome for"
        hint = "add to `steps.\(step)`: - output: …"
    }

    /// What the step sees.
    var stepError: StepError { StepError("no-canned-answer", message, hint: hint) }
}
