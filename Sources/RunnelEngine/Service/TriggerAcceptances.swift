import RunnelSupport

/// The events of one trigger that are being accepted, whichever version of its pipeline they came to.
///
/// Before the journal moves what it knows of the trigger to another name, no further events are accepted, and those
/// that are being accepted are waited for. A run that was stored under the old name afterwards would have its dedupe key
/// there alone, and the same event would start a second run under the new name.
final class TriggerAcceptances: Sendable {
    private let state = Watched((count: 0, isClosed: false))

    /// Whether events are refused.
    var isClosed: Bool { state.value.isClosed }

    /// Begins to accept an event; ``end()`` has to follow.
    ///
    /// - Returns: False if events are refused.
    func begin() -> Bool {
        state.update { state in
            if !state.isClosed { state.count += 1 }
            return !state.isClosed
        }
    }

    /// An event was accepted, or could not be.
    func end() { state.update { $0.count -= 1 } }

    /// Refuses further events, for good.
    func close() { state.update { $0.isClosed = true } }

    /// Waits until no event is being accepted.
    ///
    /// - Throws: `CancellationError` when the task is cancelled first.
    func waitForEnds() async throws { try await state.wait { $0.count == 0 } }
}
