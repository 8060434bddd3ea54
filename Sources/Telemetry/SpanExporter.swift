package import Logging
import Metrics
package import RunnelHTTP
import RunnelKit
import Synchronization

/// Sends spans to a receiver in batches, in the background.
///
/// The queue is bounded: a span that finds it full is dropped and counted in `runnel_trace_spans_total`. While there is
/// nothing to send, nothing runs.
package final class SpanExporter: Sendable {
    /// Of the specification of OpenTelemetry's batch processor.
    package struct Limits: Sendable {
        package var queue = 2048
        package var batch = 512
        /// How long a span waits for others.
        package var delay = Duration.seconds(5)
        package var attempts = 5
        /// For what is left when the process ends.
        package var shutdown = Duration.seconds(5)

        package init() {}
    }

    private struct State {
        var queue: [FinishedSpan] = []
        var work: Task<Void, Never>?
        /// Ends the pause of ``work``.
        var wake: AsyncStream<Void>.Continuation?
        var isShuttingDown = false
    }

    private let encoder: OTLPEncoder
    private let sender: OTLPSender
    private let limits: Limits
    private let clock: any Clock<Duration>
    private let logger: Logger
    private let state = Mutex(State())

    /// - Parameters:
    ///   - sender: Must live longer than the exporter.
    ///   - now: Nanoseconds since 1970.
    package init(
        _ receiver: OTLPReceiver, encoder: OTLPEncoder, sender: any HTTPSender, logger: Logger,
        limits: Limits = Limits(), clock: any Clock<Duration> = ContinuousClock(),
        now: @escaping @Sendable () -> Int64
    ) {
        (self.encoder, self.logger, self.limits, self.clock) = (encoder, logger, limits, clock)
        self.sender = OTLPSender(
            .traces, version: encoder.version, to: receiver, through: sender, logger: logger, clock: clock, now: now)
    }

    /// Takes a span; returns at once.
    package func add(_ span: FinishedSpan) {
        let isDropped = state.withLock { state in
            guard state.queue.count < limits.queue, !state.isShuttingDown else { return true }
            state.queue.append(span)
            if state.queue.count >= limits.batch { state.wake?.yield() }
            // Owned by the exporter and awaited in `shutDown`: what ends a span cannot wait for the network.
            if state.work == nil { state.work = Task { await self.work() } }
            return false
        }
        if isDropped { Self.count(1, "dropped") }
    }

    /// Sends what is left, for at most ``Limits/shutdown``. Spans that come later are dropped.
    package func shutDown() async {
        let work = state.withLock { state in
            state.isShuttingDown = true
            state.wake?.yield()
            return state.work
        }
        guard let work else { return }
        try? await withTimeLimit(limits.shutdown, clock: clock, error: CancellationError()) {
            await withTaskCancellationHandler {
                await work.value
            } onCancel: {
                work.cancel()
            }
        }
        let left = state.withLock { state in
            defer { state.queue = [] }
            return state.queue.count
        }
        if left > 0 {
            Self.count(left, "dropped")
            logLeft(left)
        }
    }

    // MARK: - Sending

    private func work() async {
        while true {
            await pause(limits.delay) { $0.queue.count >= limits.batch }
            let batch = state.withLock { state -> [FinishedSpan] in
                let batch = Array(state.queue.prefix(limits.batch))
                state.queue.removeFirst(batch.count)
                if batch.isEmpty || Task.isCancelled { state.work = nil }
                return batch
            }
            guard !batch.isEmpty else { return }
            await send(batch)
            if Task.isCancelled { return }
        }
    }

    /// Waits, unless the process is shutting down or there is no reason to.
    private func pause(_ delay: Duration, until isDue: (borrowing State) -> Bool = { _ in false }) async {
        let (wakes, wake) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        let waits = state.withLock { state in
            guard !state.isShuttingDown, !isDue(state) else { return false }
            state.wake = wake
            return true
        }
        defer { state.withLock { $0.wake = nil } }
        guard waits else { return }
        await withTaskGroup(of: Void.self) { group in
            group.addTask { [clock] in try? await clock.sleep(for: delay) }
            group.addTask { for await _ in wakes { return } }
            await group.next()
            group.cancelAll()
        }
    }

    private func send(_ batch: [FinishedSpan]) async {
        let rejected = await sender.send(encoder.request(batch), attempts: limits.attempts) { delay in
            guard !state.withLock({ $0.isShuttingDown }), !Task.isCancelled else { return false }
            await pause(delay)
            return true
        }
        if rejected == nil, Task.isCancelled { logLeft(batch.count) }
        let (exported, failed) = Self.outcome(of: batch.count, rejected: rejected)
        Self.count(exported, "exported")
        Self.count(failed, "failed")
    }

    /// The numbers of exported and failed spans of a batch. A receiver may report more rejected spans than it received.
    ///
    /// - Parameter rejected: The number that the receiver reports; nil if the batch was not delivered.
    static func outcome(of batch: Int, rejected: Int?) -> (exported: Int, failed: Int) {
        let failed = min(max(0, rejected ?? batch), batch)
        return (batch - failed, failed)
    }

    private func logLeft(_ spans: Int) {
        logger.warning("\(spans) spans were not sent to \(sender.receiver.endpoint.shown) before the end")
    }

    private static func count(_ spans: Int, _ outcome: String) {
        guard spans > 0 else { return }
        Counter(label: "runnel_trace_spans_total", dimensions: [("outcome", outcome)]).increment(by: Int64(spans))
    }
}
