internal import Synchronization

/// Notes what becomes of one delivery while its route answers it, so that the server can record it. It travels as a task
/// local value: whichever trigger emits an event while it answers a request need not know of it.
package final class DeliveryNote: Sendable {
    @TaskLocal package static var current: DeliveryNote?

    private struct State {
        var acceptance: TriggerAcceptance?
        /// As the handler sees it.
        var path: String?
        var parameters: [String: String] = [:]
        var beginning: [UInt8] = []
        var size = 0
        var isComplete = false
    }

    /// How many bytes of the body are kept.
    private let limit: Int
    private let state = Mutex(State())

    package init(keeping limit: Int) {
        self.limit = limit
    }

    /// What became of the event: of several the first that started a run, or else the last.
    package var acceptance: TriggerAcceptance? { state.withLock(\.acceptance) }
    /// The path as the handler saw it; nil if the request did not get that far.
    package var path: String? { state.withLock(\.path) }
    /// The parameters of the route's path.
    package var parameters: [String: String] { state.withLock(\.parameters) }
    /// The first bytes of the body.
    package var beginning: [UInt8] { state.withLock(\.beginning) }
    /// How many bytes of the body came.
    package var size: Int { state.withLock(\.size) }
    /// Whether the body was read to its end.
    package var isComplete: Bool { state.withLock(\.isComplete) }

    func note(_ acceptance: TriggerAcceptance) {
        state.withLock { state in
            if case .accepted? = state.acceptance { return }
            state.acceptance = acceptance
        }
    }

    /// The request as the handler gets it.
    func note(_ request: IngressRequest) {
        state.withLock { ($0.path, $0.parameters) = (request.path, request.parameters) }
    }

    /// The body as a whole, which the handler may take away.
    package func note(bodyOf request: IngressRequest) {
        let (beginning, size) = (request.beginning(upTo: limit), request.bodySize)
        state.withLock { ($0.beginning, $0.size, $0.isComplete) = (beginning, size, true) }
    }

    /// The next piece of a streamed body; nil at its end, and for a request without a body.
    package func note(piece: [UInt8]?) {
        state.withLock { state in
            guard let piece else { return state.isComplete = true }
            state.size += piece.count
            state.beginning += piece.prefix(max(0, limit - state.beginning.count))
        }
    }
}
