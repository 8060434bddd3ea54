import RunnelKit
import Synchronization

/// Converts the progress of one step to run events, with secrets redacted even if they are split across chunks.
final class StepReporter: Sendable {
    private struct State {
        var stream: StreamRedactor
        var isFinished = false
    }

    private let state: Mutex<State>
    private let redactor: Redactor
    private let place: RunEvent.StepPlace
    private let emit: @Sendable (RunEvent.Kind) async -> Void

    init(
        place: RunEvent.StepPlace, redactor: Redactor, emit: @escaping @Sendable (RunEvent.Kind) async -> Void
    ) {
        self.place = place
        self.redactor = redactor
        self.emit = emit
        state = Mutex(State(stream: StreamRedactor(redactor)))
    }

    func report(_ progress: StepProgress) async {
        switch progress {
        case .text(let text):
            let shown = state.withLock { $0.isFinished ? "" : $0.stream.append(text) }
            if !shown.isEmpty { await emit(.stepText(place, shown)) }
        case .note(let note):
            guard !state.withLock(\.isFinished) else { return }
            await emit(.stepNote(place, redactor.redact(note, limit: Redactor.pluginMessageLimit)))
        }
    }

    /// Flushes text that was held back for redaction. What an abandoned attempt reports from then on is ignored.
    func finish() async {
        let rest = state.withLock { state in
            state.isFinished = true
            return state.stream.finish()
        }
        if !rest.isEmpty { await emit(.stepText(place, rest)) }
    }
}

/// Buffers text of steps for the journal: consecutive texts of one step become one event.
final class TextBuffer: Sendable {
    private struct State {
        var events: [RunEvent] = []
        var size = 0
        /// Whether a flush was requested and has not begun.
        var isFlushDue = false
    }

    /// The shortest interval between writes while a text streams. What comes within it is written at its end, so that the
    /// last words before a pause are not held back.
    static let interval = Duration.milliseconds(100)
    /// The limit in bytes. Text beyond it is only in the step's output.
    private static let limit = 1 << 18

    private let state = Mutex(State())

    /// - Returns: Whether a flush has to be requested: none is due yet.
    func append(_ event: RunEvent) -> Bool {
        state.withLock { state in
            guard state.size < Self.limit else { return false }
            if case .stepText(let place, let text) = event.kind {
                state.size += text.utf8.count
                if let last = state.events.last, case .stepText(place, let before) = last.kind {
                    state.events[state.events.count - 1].kind = .stepText(place, before + text)
                } else {
                    state.events.append(event)
                }
            } else {
                state.size += 256
                state.events.append(event)
            }
            defer { state.isFlushDue = true }
            return !state.isFlushDue
        }
    }

    /// From now on, further text requests another flush.
    func beginFlush() {
        state.withLock { $0.isFlushDue = false }
    }

    func take() -> [RunEvent] {
        state.withLock { state in
            defer { (state.events, state.size) = ([], 0) }
            return state.events
        }
    }
}
