import Logging
import RunnelKit

/// Follows the sequence of ends from a durable watermark.
///
/// Ends that start nothing move the watermark only from time to time: reading them again does no harm, and a write for
/// each would cost every run of the journal one.
struct RunSession {
    let trigger: RunTrigger
    let context: TriggerContext

    static let watermarkKey = "watermark"
    private static let interval = Duration.milliseconds(500)
    private static let batch = 100
    /// The number of ends without a run after which the watermark is written.
    private static let stride: Int64 = 1000

    func run() async throws {
        var (position, saved) = try await begin()
        await context.report(waiting)
        var hasProblem = false
        while true {
            try Task.checkCancellation()
            let ends = try await context.ends(after: position, limit: Self.batch)
            for end in ends {
                if let state = trigger.state(for: end, in: context.pipeline) {
                    try await start(end, state, hasProblem: &hasProblem)
                    saved = end.number
                }
                position = end.number
            }
            if position - saved >= Self.stride {
                try await remember(position)
                saved = position
            }
            if ends.count < Self.batch { try await context.clock.sleep(for: Self.interval) }
        }
    }

    private var waiting: TriggerHealth {
        let list = trigger.pipelines.map(\.text).joined(separator: ", ")
        let (names, japanese) = list == "*" ? ("all pipelines", "すべてのパイプライン") : (list, list)
        return .waiting("waits for runs of \(names)", translations: ["ja": "\(japanese) の実行の終了を待機中"])
    }

    /// The stored watermark; the latest end if there is none.
    private func begin() async throws -> (position: Int64, saved: Int64) {
        if let known = try await context.memory.value(for: Self.watermarkKey)?.asInt { return (known, known) }
        let last = try await context.lastEnd()
        try await remember(last)
        return (last, last)
    }

    private func remember(_ number: Int64) async throws {
        try await context.memory.set([Self.watermarkKey: .int(number)])
    }

    /// Starts the run for an end, and tries again while it is refused. The dedupe key is the run and its state, so it
    /// never starts twice, also if two entries of a pipeline name it.
    ///
    /// - Parameter hasProblem: Whether the last report was a problem. Updated.
    private func start(_ end: EndedRun, _ state: EndState, hasProblem: inout Bool) async throws {
        var payload = try await context.details(of: end)
        payload["state"] = .string(state.rawValue)
        let event = TriggerEvent(
            dedupeKey: "\(end.runID)/\(end.state.rawValue)", payload: payload,
            memory: [Self.watermarkKey: .int(end.number)], cause: .run(end.runID))
        let isAccepted = try await context.emit(event, every: Self.interval) { refusal in
            hasProblem = true
            if refusal.reason == .chainTooLong {
                context.logger.error("\(refusal.message)", metadata: ["run": "\(end.runID)"])
                await context.report(.problem(refusal.message))
                try await remember(end.number)
                return false
            }
            await context.report(.problem("the run after \(end.runID) has to wait: \(refusal.message)"))
            return true
        }
        guard isAccepted, hasProblem else { return }
        await context.report(waiting)
        hasProblem = false
    }
}

extension TriggerContext {
    /// Emits the event, and emits it again while it is refused.
    ///
    /// - Parameters:
    ///   - interval: The shortest pause before another attempt.
    ///   - isWorthRetrying: Called for each refusal. Return false to give up the event.
    /// - Returns: Whether the event was accepted.
    @discardableResult func emit(
        _ event: TriggerEvent, every interval: Duration, isWorthRetrying: (TriggerRefusal) async throws -> Bool
    ) async throws -> Bool {
        while true {
            try Task.checkCancellation()
            do throws(TriggerRefusal) {
                _ = try await emit(event)
                return true
            } catch {
                guard try await isWorthRetrying(error) else { return false }
                try await clock.sleep(for: max(error.retryAfter, interval))
            }
        }
    }
}
