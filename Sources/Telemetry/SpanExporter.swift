package import Logging
import Metrics
import NIOHTTP1
import RunnelEngine
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
        /// Whether the last batch was not delivered, so that an outage is logged once.
        var isFailing = false
    }

    private let configuration: TraceConfiguration
    private let encoder: OTLPEncoder
    private let sender: any HTTPSender
    private let limits: Limits
    private let clock: any Clock<Duration>
    private let now: @Sendable () -> Int64
    private let logger: Logger
    private let state = Mutex(State())

    /// - Parameters:
    ///   - sender: Must live longer than the exporter.
    ///   - now: Nanoseconds since 1970.
    package init(
        _ configuration: TraceConfiguration, encoder: OTLPEncoder, sender: any HTTPSender, logger: Logger,
        limits: Limits = Limits(), clock: any Clock<Duration> = ContinuousClock(),
        now: @escaping @Sendable () -> Int64
    ) {
        (self.configuration, self.encoder, self.sender) = (configuration, encoder, sender)
        (self.logger, self.limits, self.clock, self.now) = (logger, limits, clock, now)
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
            logger.warning("\(left) spans were not sent to \(configuration.endpoint.shown) before the end")
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

    private enum Outcome {
        case delivered(rejected: Int, String?)
        case retry(after: Duration?, String)
        case failed(String)
    }

    private func send(_ batch: [FinishedSpan]) async {
        let call = call(batch)
        var attempt = 1
        while true {
            let reason: String
            switch await send(call) {
            case .delivered(let rejected, let message):
                Self.count(batch.count - rejected, "exported")
                if rejected > 0 {
                    Self.count(rejected, "failed")
                    logger.warning(
                        "\(configuration.endpoint.shown) rejected \(rejected) spans: \(message ?? "no reason")")
                }
                if state.withLock({ state in
                    defer { state.isFailing = false }
                    return state.isFailing
                }) {
                    logger.notice("traces are sent to \(configuration.endpoint.shown) again")
                }
                return
            case .retry(let delay, let message):
                let isLast = attempt == limits.attempts || state.withLock { $0.isShuttingDown } || Task.isCancelled
                if !isLast {
                    let backoff = Duration.seconds(1 << (attempt - 1)) * Double.random(in: 0.8...1.2)
                    attempt += 1
                    await pause(min(delay ?? backoff, .seconds(60)))
                    continue
                }
                reason = message
            case .failed(let message): reason = message
            }
            Self.count(batch.count, "failed")
            if state.withLock({ state in
                defer { state.isFailing = true }
                return !state.isFailing
            }) {
                logger.warning("traces cannot be sent to \(configuration.endpoint.shown): \(reason)")
            }
            return
        }
    }

    private func call(_ batch: [FinishedSpan]) -> HTTPCall {
        var headers = HTTPHeaders(configuration.headers.map { ($0.name, $0.value) })
        let request = encoder.request(batch)
        let isJSON = configuration.format == .json
        headers.replaceOrAdd(name: "content-type", value: isJSON ? "application/json" : "application/x-protobuf")
        headers.replaceOrAdd(name: "user-agent", value: HTTPHeaders.userAgent)
        return HTTPCall(
            method: "POST", url: configuration.endpoint, headers: headers,
            body: isJSON ? request.jsonBytes() : ProtobufWriter.request(request),
            bodyLimit: .cut(bytes: 64 << 10))
    }

    private func send(_ call: HTTPCall) async -> Outcome {
        let reply: HTTPReply
        do {
            reply = try await withTimeLimit(
                configuration.timeout, clock: clock, error: TransportProblem.timedOut(configuration.timeout)
            ) { [sender] in try await sender.send(call) }
        } catch let problem as TransportProblem {
            return .retry(after: nil, problem.stepError(call: call.shown).message)
        } catch {
            return .failed("\(error)")
        }
        switch reply.status {
        case 200...299:
            // An answer in protobuf's binary form is not read: what was rejected stays unknown.
            let partial = try? Value.json(reply.body)["partialSuccess"]
            let rejected = partial?["rejectedSpans"].flatMap { $0.asInt ?? $0.asString.flatMap { Int64($0) } } ?? 0
            return .delivered(rejected: Int(clamping: max(0, rejected)), partial?["errorMessage"]?.asString)
        case 429, 502, 503, 504: return .retry(after: reply.retryAfter(now: now()), "it answered \(reply.statusLine)")
        default: return .failed("it answered \(reply.statusLine)")
        }
    }

    private static func count(_ spans: Int, _ outcome: String) {
        guard spans > 0 else { return }
        Counter(label: "runnel_trace_spans_total", dimensions: [("outcome", outcome)]).increment(by: Int64(spans))
    }
}
