internal import Synchronization

/// Hands messages from several senders to one receiver.
///
/// It has no bound of its own: each sender has one message in it at most.
final class Inbox<Message: Sendable>: Sendable {
    private struct State {
        var messages: [Message] = []
        var receiver: CheckedContinuation<Void, Never>?
    }

    private let state = Mutex(State())

    func post(_ message: Message) {
        state.withLock { state in
            state.messages.append(message)
            return state.receiver.take()
        }?.resume()
    }

    /// All messages that are there, as soon as there are any.
    func next() async throws -> [Message] {
        while true {
            try Task.checkCancellation()
            let messages = state.withLock { state in
                defer { state.messages = [] }
                return state.messages
            }
            if !messages.isEmpty { return messages }
            await withTaskCancellationHandler {
                await withCheckedContinuation { continuation in
                    let isReady = state.withLock { state in
                        guard state.messages.isEmpty, !Task.isCancelled else { return true }
                        state.receiver = continuation
                        return false
                    }
                    if isReady { continuation.resume() }
                }
            } onCancel: {
                state.withLock { $0.receiver.take() }?.resume()
            }
        }
    }
}
