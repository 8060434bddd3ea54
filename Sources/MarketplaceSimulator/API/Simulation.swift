internal import RunnelSupport
internal import RunnelValue
import Synchronization

/// The API behind its HTTP server: decides how each request is answered, and keeps count.
final class Simulation: Sendable {
    private struct State {
        var tokens = TokenLedger()
        var faults: FaultSelector
        var account = UsageAccount()
        /// The newest requests that were answered with a stream, by the id of the answer.
        var answers: [(id: String, request: ParsedChatRequest, text: String?)] = []
        var reconnections = 0
        var cancelled: [String] = []
    }

    let configuration: SimulatorConfiguration
    let activity = Watched(Activity())
    private let time: TimeSource
    private let salt = UInt64.random(in: .min ... .max)
    private let state: Mutex<State>

    init(_ configuration: SimulatorConfiguration) {
        self.configuration = configuration
        time = TimeSource(configuration.clock)
        let faults = FaultSelector(
            plan: configuration.faults, rateLimitedRequests: configuration.rateLimitedRequests)
        state = Mutex(State(faults: faults))
    }

    /// `POST /api/v1/auth/external-service-token`.
    func token(_ call: Call) -> (Outcome, Fault?) {
        do throws(APIFailure) {
            let chosen = try fault(ofHeader: call.simulate)
            try TokenAnswer.check(
                JSONBody.object(call.body, contentType: call.contentType), configuration: configuration)
            let now = time.now()
            let (fault, token) = state.withLock { state in
                let fault = state.faults.nextForToken(chosen: chosen)
                if fault == .tokenRejected { return (fault, "") }
                let lifetime = fault == .tokenExpiresEarly ? Duration.zero : configuration.tokenLifetime
                return (fault, state.tokens.issue(until: now + lifetime, now: now, salt: salt))
            }
            if fault == .tokenRejected { return (.reply(Reply(.wrongCredentials)), fault) }
            return (.reply(Reply(body: TokenAnswer.body(token: token, configuration: configuration))), fault)
        } catch {
            return (.reply(Reply(error)), nil)
        }
    }

    /// `POST /api/v1/chat/completions`.
    func chat(_ call: Call) -> (Outcome, Fault?) {
        do throws(APIFailure) {
            var chosen = try fault(ofHeader: call.simulate)
            // A header that a client sends with every request must not spoil the token twice.
            if chosen?.concernsToken == true { chosen = nil }
            let token = try authorize(call)
            let request = try ParsedChatRequest(JSONBody.object(call.body, contentType: call.contentType))
            if let can = configuration.cannedAnswer {
                return counted(
                    outcome(of: request, can(CannedRequest(request, idempotencyKey: call.idempotencyKey))), request,
                    call)
            }
            if request.agentID != configuration.agentID { throw APIFailure.unknownAgent(request.agentID) }
            if chosen == nil { chosen = try fault(ofMessage: request.prompt) }
            let selected = chosen
            let fault = state.withLock { state in
                let fault = state.faults.nextForChat(chosen: selected, message: request.prompt)
                if fault == .tokenExpiresEarly { state.tokens.revoke(token) }
                return fault
            }
            return counted((outcome(of: request, fault: fault), fault), request, call)
        } catch {
            return (.reply(Reply(error)), nil)
        }
    }

    /// What all chats have used that were answered to their end.
    var usage: SimulatedUsage { state.withLock { $0.account.total } }

    /// How often an answer was taken up again.
    var reconnections: Int { state.withLock { $0.reconnections } }
    /// The answers that clients have cancelled, by their ids.
    var cancelled: [String] { state.withLock { $0.cancelled } }

    /// `GET /api/v1/chat/messages/{message_id}`.
    func reconnect(_ messageID: String, _ call: Call) -> Outcome {
        do throws(APIFailure) {
            _ = try authorize(call)
            let answer = state.withLock { state in
                state.reconnections += 1
                return state.answers.last { $0.id == messageID }
            }
            guard configuration.reconnection != .none, let answer else { throw APIFailure.unknownMessage(messageID) }
            return .stream(
                StreamScript.steps(
                    for: answer.request, fault: nil, text: answer.text, isRest: configuration.reconnection == .rest,
                    configuration: configuration))
        } catch {
            return .reply(Reply(error))
        }
    }

    /// `POST /api/v1/chat/messages/{message_id}/cancel`.
    func cancel(_ messageID: String, _ call: Call) -> Outcome {
        do throws(APIFailure) {
            _ = try authorize(call)
            let isKnown = state.withLock { state in
                guard state.answers.contains(where: { $0.id == messageID }) else { return false }
                state.cancelled = Array((state.cancelled + [messageID]).suffix(Self.keptAnswers))
                return true
            }
            guard isKnown else { throw APIFailure.unknownMessage(messageID) }
            return .reply(Reply(body: #"{"success":true}"#))
        } catch {
            return .reply(Reply(error))
        }
    }

    private static let keptAnswers = 256

    private func keep(_ request: ParsedChatRequest, _ text: String?) {
        state.withLock { state in
            state.answers.append((StreamScript.messageID(of: request), request, text))
            if state.answers.count > Self.keptAnswers { state.answers.removeFirst() }
        }
    }

    private func counted(
        _ result: (Outcome, Fault?), _ request: ParsedChatRequest, _ call: Call
    ) -> (Outcome, Fault?) {
        guard case .stream(let steps) = result.0, let usage = SimulatedUsage(sentIn: steps) else { return result }
        state.withLock { $0.account.add(usage, key: call.idempotencyKey) }
        return result
    }

    private func fault(ofHeader name: String?) throws(APIFailure) -> Fault? {
        guard let name = name?.trimmed, !name.isEmpty else { return nil }
        do {
            return try Fault(named: String(name))
        } catch {
            throw .badRequest(error.description, code: error.code)
        }
    }

    private func fault(ofMessage message: String) throws(APIFailure) -> Fault? {
        let fault = try fault(ofHeader: FaultDirective.name(in: message))
        guard fault != .tokenRejected else {
            throw .badRequest(
                "the fault \"token-rejected\" concerns the token request, which is over when a message is read; "
                    + "choose it when the simulator starts")
        }
        return fault
    }

    private func authorize(_ call: Call) throws(APIFailure) -> String {
        guard let token = call.bearerToken else { throw .missingToken }
        let now = time.now()
        guard state.withLock({ $0.tokens.isGood(token, now: now) }) else { throw .invalidToken }
        guard configuration.scopes.contains("openid") else { throw .missingScope }
        return token
    }

    private func outcome(of request: ParsedChatRequest, _ answer: CannedAnswer) -> (Outcome, Fault?) {
        switch answer {
        case .stream(let text, let fault): (outcome(of: request, fault: fault, text: text), fault)
        case .refusal(let status, let code, let message, let retryAfter):
            (.reply(Reply(APIFailure(status: status, code: code, message: message, retryAfter: retryAfter))), nil)
        }
    }

    /// - Parameter text: The answer's text; one made of the prompt when nil.
    private func outcome(of request: ParsedChatRequest, fault: Fault?, text: String? = nil) -> Outcome {
        switch fault {
        case .unauthorizedOnce, .unauthorizedAlways, .tokenExpiresEarly: .reply(Reply(.invalidToken))
        case .forbidden: .reply(Reply(.missingScope))
        case .notFound: .reply(Reply(.unknownAgent(request.agentID)))
        case .badRequest: .reply(Reply(.badRequest("Simulated: the request is refused.")))
        case .rateLimited:
            .reply(Reply(.rateLimited(retryAfter: configuration.retryAfter.wholeSeconds)))
        case .serverErrorOnce: .reply(Reply(.serverError))
        case .serverErrorAlways: .reply(Reply(.unavailable))
        case .connectionReset: .reset
        case .htmlInsteadOfStream: .reply(Reply(body: Self.signInPage, contentType: "text/html; charset=utf-8"))
        case .jsonInsteadOfStream:
            .reply(Reply(body: #"{"choices":[{"message":{"role":"assistant","content":"Simulated: not a stream."}}]}"#))
        default: stream(request, fault, text)
        }
    }

    private func stream(_ request: ParsedChatRequest, _ fault: Fault?, _ text: String?) -> Outcome {
        keep(request, text)
        return .stream(StreamScript.steps(for: request, fault: fault, text: text, configuration: configuration))
    }

    private static let signInPage = """
        <!DOCTYPE html>
        <html><head><title>Sign in</title></head><body><h1>Sign in</h1><p>Simulated sign-in page.</p></body></html>

        """
}
