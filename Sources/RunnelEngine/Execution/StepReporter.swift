import RunnelKit
import Synchronization

/// Converts the progress of one step to run events, with secrets redacted even if they are split across chunks.
final class StepReporter: Sendable {
    private let stream: Mutex<StreamRedactor>
    private let redactor: Redactor
    private let place: RunEvent.StepPlace
    private let emit: @Sendable (RunEvent.Kind) async -> Void

    init(
        place: RunEvent.StepPlace, redactor: Redactor, emit: @escaping @Sendable (RunEvent.Kind) async -> Void
    ) {
        self.place = place
        self.redactor = redactor
        self.emit = emit
        stream = Mutex(StreamRedactor(redactor))
    }

    func report(_ progress: StepProgress) async {
        switch progress {
        case .text(let text):
            let shown = stream.withLock { $0.append(text) }
            if !shown.isEmpty { await emit(.stepText(place, shown)) }
        case .note(let note): await emit(.stepNote(place, redactor.redact(note)))
        }
    }

    /// Flushes text that was held back for redaction.
    func finish() async {
        let rest = stream.withLock { $0.finish() }
        if !rest.isEmpty { await emit(.stepText(place, rest)) }
    }
}
