import HTTPTestServer
import MarketplaceSimulator
import Synchronization

/// What the world outside of Runnel saw: which chats were paid for, and what arrived.
final class Outside: Sendable {
    private struct State {
        /// By run.
        var chats: [String: Int] = [:]
        /// By `webhook-id`, then by `runnel-epoch`.
        var contents: [String: [String: Set<String>]] = [:]
        var answers = 0
    }

    private let state = Mutex(State())

    /// Each answer is another one, so that work that is done twice can be told from work that is done once.
    func answer(_ request: CannedRequest) -> CannedAnswer {
        let prompt = request.messages.last?.content ?? ""
        // "run ID KIND"
        let words = prompt.split(separator: " ")
        let runID = words.count > 1 ? String(words[1]) : prompt
        let number = state.withLock { state in
            state.answers += 1
            state.chats[runID, default: 0] += 1
            return state.answers
        }
        let length = words.last == "slow" ? 100 : 8
        let text = "answer \(number) " + (0..<length).map { "word\($0)" }.joined(separator: " ")
        return .stream(text: text, fault: nil)
    }

    func receive(_ request: TestServer.Request) {
        let epoch = request.headers["runnel-epoch"].first ?? "none"
        state.withLock { state in
            for id in request.headers["webhook-id"] {
                state.contents[id, default: [:]][epoch, default: []].insert(request.body)
            }
        }
    }

    func chats(of runID: String) -> Int { state.withLock { $0.chats[runID] ?? 0 } }
    var chatCount: Int { state.withLock { $0.answers } }
    var contents: [String: [String: Set<String>]] { state.withLock { $0.contents } }
}
