import MarketplaceSimulator
import RunnelHTTP
import RunnelKit
import YAML

/// An entry of `steps:`: what comes of a step that is not carried out in a test.
struct StandInStep: Sendable {
    enum Outcome: Sendable {
        case output(Value)
        case error(StepError)
    }

    /// In the order of the calls; a single one is for all of them.
    var outcomes: [Outcome]
    /// Whether the one outcome is for all calls.
    var isForAll: Bool
    var node: YAMLNode
}

/// One entry of `chat:`: what the agent answers to one request.
struct CannedChat: Sendable {
    var answer: CannedAnswer
    /// Given as often as it is asked for.
    var isRepeated: Bool
    var node: YAMLNode
}

/// All answers of one test.
struct CannedChats: Sendable {
    /// In the order of all calls.
    var inOrder: [CannedChat] = []
    /// For the calls of one step, in their order.
    var byStep: [String: [CannedChat]] = [:]

    /// Whether there are answers, and none of them goes wrong on purpose.
    var canBeLive: Bool {
        let all = inOrder + byStep.values.flatMap(\.self)
        return !all.isEmpty
            && all.allSatisfy { chat in
                if case .stream(_, nil) = chat.answer { true } else { false }
            }
    }
}

/// One entry of `http:`: what comes back to one request.
struct CannedHTTP: Sendable {
    /// Why there is no answer, by the code of the step's error.
    enum Problem: String, Sendable, FieldChoice {
        case hostNotFound = "host-not-found"
        case refused = "connection-refused"
        case unreachable = "network-unreachable"
        case reset = "connection-reset"
        case closed = "connection-closed"
        case connectTimeout = "connect-timeout"
        case tlsFailed = "tls-failed"

        func transportProblem(host: String) -> TransportProblem {
            switch self {
            case .hostNotFound: .hostNotFound(host)
            case .refused: .refused
            case .unreachable: .unreachable
            case .reset: .reset
            case .closed: .closed
            case .connectTimeout: .connectTimeout
            case .tlsFailed: .tlsFailed("its certificate is not trusted")
            }
        }
    }

    var url: Matcher
    /// In upper case; nil: any.
    var method: String?
    var status = 200
    var headers: [(name: String, value: String)] = []
    var body: [UInt8] = []
    var problem: Problem?
    /// Given as often as it is asked for.
    var isRepeated = false
    var node: YAMLNode
}
