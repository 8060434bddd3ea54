import MarketplaceSimulator
import NIOHTTP1
import RunnelHTTP
import RunnelKit
import Synchronization

/// A request that the run sent.
struct SentRequest: Sendable {
    let method: String
    let url: HTTPURL
    let headers: [(name: String, value: String)]
    let body: [UInt8]
}

/// What stands in the place of the network: gives the answers of a test, and writes down what was sent.
final class CannedWeb: HTTPSender {
    private struct State {
        var answers: [CannedHTTP]
        var used: Set<Int> = []
        var sent: [SentRequest] = []
        var missing: [MissingAnswer] = []
    }

    private let state: Mutex<State>
    private let clock: JumpingClock

    init(_ answers: [CannedHTTP], clock: JumpingClock) {
        state = Mutex(State(answers: answers))
        self.clock = clock
    }

    var sent: [SentRequest] { state.withLock { $0.sent } }
    /// The requests that no answer was for.
    var missing: [MissingAnswer] { state.withLock { $0.missing } }
    /// The answers that were not asked for.
    var unused: [CannedHTTP] {
        state.withLock { state in state.answers.indices.filter { !state.used.contains($0) }.map { state.answers[$0] } }
    }

    func send(_ call: HTTPCall) async throws -> HTTPReply {
        try Task.checkCancellation()
        let request = SentRequest(
            method: call.method, url: call.url, headers: call.headers.map { ($0.name.lowercased(), $0.value) },
            body: call.body ?? [])
        let answer = try state.withLock { state in
            state.sent.append(request)
            let index = state.answers.indices.first {
                (state.answers[$0].isRepeated || !state.used.contains($0)) && state.answers[$0].isFor(request)
            }
            guard let index else {
                let isUsed = state.answers.contains { $0.isFor(request) }
                let missing = MissingAnswer(request, isUsed: isUsed)
                state.missing.append(missing)
                throw missing.stepError
            }
            state.used.insert(index)
            return state.answers[index]
        }
        if let problem = answer.problem { throw problem.transportProblem(host: call.url.host) }
        return try answer.reply(to: call)
    }

    func pause(for delay: Duration, on clock: any Clock<Duration>) async throws {
        try Task.checkCancellation()
        self.clock.pass(delay)
    }

    func shutDown() async {}
}

extension CannedHTTP {
    fileprivate func isFor(_ request: SentRequest) -> Bool {
        (method == nil || method == request.method) && url.isURL(request.url)
    }

    fileprivate func reply(to call: HTTPCall) throws(TransportProblem) -> HTTPReply {
        var reply = HTTPReply(status: status, headers: HTTPHeaders(headers.map { ($0.name, $0.value) }))
        switch call.bodyLimit {
        case .fail(let bytes) where body.count > bytes && call.bodyUse(reply) == .whole:
            throw .tooLarge(limit: bytes)
        case .fail(let bytes), .cut(let bytes):
            reply.isBodyCut = body.count > bytes
            reply.body = Array(body.prefix(bytes))
        }
        return reply
    }
}

extension Matcher {
    /// Whether the URL is the one that is meant, however it is written.
    func isURL(_ url: HTTPURL) -> Bool { urlFindings(url).isEmpty }

    func urlFindings(_ url: HTTPURL) -> [Finding] {
        var copy = self
        copy.rules = rules.map { rule in
            guard case .equals(.string(let text)) = rule, let written = try? HTTPURL(text) else { return rule }
            return .equals(.string(written.text))
        }
        return copy.findings(.string(url.text))
    }
}

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
    var stepError: StepError { StepError(TestErrorCode.noCannedAnswer, message, hint: hint) }
}
