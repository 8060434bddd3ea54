import Logging
import RunnelEngine
import RunnelKit
import RunnelSupport
import ServiceLifecycle
import Synchronization

/// Records deliveries to hooks in the journal, many in one transaction and with what else is written, without making their
/// callers wait.
///
/// The queue is bounded in number and bytes: beyond that, and while the journal cannot be written, deliveries go
/// unrecorded, which the log says once a minute, with their number. Their runs are not concerned.
final class DeliveryRecorder: Service, Sendable {
    private struct State {
        var pending: [DeliveryRecord] = []
        var bytes = 0
        var refusals = TokenBucket(size: 600, per: .seconds(60))
        /// The number of lost deliveries that were not logged yet, by reason.
        var lost: [String: Int] = [:]
        var notes = TokenBucket(size: 1, per: .seconds(60))
    }

    private static let maximumPending = 4096
    private static let maximumBytes = 16 << 20

    private let journal: any Journal
    private let seal: SecretSeal
    private let logger: Logger
    private let isOn: Bool
    private let stopwatch: Stopwatch
    private let wakes: AsyncStream<Void>
    private let wake: AsyncStream<Void>.Continuation
    private let state = Mutex(State())
    /// One writer at a time, so that whoever flushes also waits for what another one writes.
    private let writing = Semaphore(limit: 1)

    private static let flood = "too many came at once"

    /// - Parameters:
    ///   - isOn: Whether deliveries are kept at all.
    ///   - stopwatch: For rate limits.
    init(
        journal: any Journal, seal: SecretSeal, logger: Logger, isOn: Bool,
        stopwatch: Stopwatch = ContinuousClock().measureStart()
    ) {
        (self.journal, self.seal, self.logger, self.isOn) = (journal, seal, logger, isOn)
        self.stopwatch = stopwatch
        (wakes, wake) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    /// A note for a delivery that begins; without its body where none are kept.
    func makeNote() -> DeliveryNote { DeliveryNote(keeping: isOn ? DeliveryRecord.maximumBody : 0) }

    /// Enqueues a delivery, with secrets in it.
    ///
    /// - Parameter make: Not called where none are kept; nil for a call that delivered nothing.
    func record(_ make: () -> DeliveryRecord?) {
        guard isOn, let delivery = make() else { return }
        let size = delivery.body.count + 1024
        let now = stopwatch.elapsed()
        let isFirst = state.withLock { state in
            // Anybody can cause refusals.
            guard delivery.outcome != .refused || state.refusals.take(at: now) == nil,
                state.pending.count < Self.maximumPending, state.bytes + size <= Self.maximumBytes
            else {
                state.lost[Self.flood, default: 0] += 1
                return false
            }
            state.pending.append(delivery)
            state.bytes += size
            return state.pending.count == 1
        }
        if isFirst { wake.yield() }
    }

    /// Writes what is enqueued, and returns when it can be read.
    func flush() async {
        // Without a permit the task was cancelled.
        try? await writing.withPermit { await write() }
    }

    private func write() async {
        let deliveries = state.withLock { state in
            defer { (state.pending, state.bytes) = ([], 0) }
            return state.pending
        }
        if !deliveries.isEmpty {
            do throws(JournalError) {
                try await journal.deliveries.append(deliveries.map(sealed))
            } catch {
                state.withLock { $0.lost["\(error)", default: 0] += deliveries.count }
            }
        }
        noteLost()
    }

    /// Logs how many deliveries were lost, at most once a minute.
    private func noteLost() {
        let now = stopwatch.elapsed()
        let lost = state.withLock { state -> [String: Int] in
            guard !state.lost.isEmpty, state.notes.take(at: now) == nil else { return [:] }
            defer { state.lost = [:] }
            return state.lost
        }
        for (reason, count) in lost.sorted(by: { $0.key < $1.key }) {
            logger.warning("\(count) \(count == 1 ? "delivery was" : "deliveries were") not recorded: \(reason)")
        }
    }

    private func sealed(_ delivery: DeliveryRecord) -> DeliveryRecord {
        var sealed = delivery
        sealed.path = seal.seal(delivery.path)
        sealed.reason = seal.seal(delivery.reason)
        sealed.request = seal.seal(delivery.request)
        if delivery.isWhole {
            if case .bytes(let bytes) = seal.seal(.bytes(delivery.body)) { sealed.body = bytes }
        } else {
            // The cut may go through a secret.
            sealed.body = seal.sealed(prefix: delivery.body)
        }
        return sealed
    }

    /// Records until the server stops; the server flushes what comes until its last connection is closed.
    func run() async throws {
        await cancelWhenGracefulShutdown {
            // While some are written, the next ones gather.
            for await _ in self.wakes { await self.flush() }
        }
    }
}

extension DeliveryRecord {
    /// What a hook was sent and what came of it, with secrets in it; nil for a call that delivered nothing, such as a
    /// question of a hub that was answered.
    ///
    /// - Parameters:
    ///   - answer: nil if the caller left before there was one.
    ///   - failure: What the route has thrown instead, in words.
    init?(
        _ call: IngressRequest, _ note: DeliveryNote, to route: ClaimedRoute, answer: IngressResponse?,
        failure: (status: Int, reason: String)?, at time: Int64, redact: (String) -> String
    ) {
        let outcome: Outcome
        var reason = ""
        switch note.acceptance {
        case .accepted?: outcome = .accepted
        case .duplicate?: outcome = .duplicate
        case .ignored?: outcome = .ignored
        default:
            guard let refusal = Self.refusal(note, answer: answer, failure: failure) else { return nil }
            (outcome, reason) = (.refused, refusal)
        }
        let size = note.size
        let body = note.beginning
        // A body that was not read, or not to its end, has no size that is known.
        let isWhole = note.isComplete && body.count == size && answer?.status != 413 && failure == nil
        self.init(
            time: time, pipeline: route.pipeline, trigger: route.key, method: call.method, path: note.path ?? call.path,
            outcome: outcome, reason: String(redact(reason).prefix(1000)),
            status: answer?.status ?? failure?.status ?? 0, runID: note.acceptance?.runID, size: size,
            isWhole: isWhole,
            request: Self.request(call, note, without: route.route.proofHeaders), body: body)
    }

    /// The HTTP status of a refused delivery; nil if it was not refused.
    static func refusedStatus(
        _ note: DeliveryNote, answer: IngressResponse?, failure: (status: Int, reason: String)?
    ) -> Int? {
        let status = answer?.status ?? failure?.status ?? 0
        return note.acceptance == nil && status >= 400 ? status : nil
    }

    /// Why a delivery was refused, with secrets in it; nil for one that was not.
    static func refusal(
        _ note: DeliveryNote, answer: IngressResponse?, failure: (status: Int, reason: String)?
    ) -> String? {
        guard let status = refusedStatus(note, answer: answer, failure: failure) else { return nil }
        return answer?.refusal ?? answer?.errorMessage ?? failure?.reason ?? "the answer was \(status)"
    }

    /// Without header fields and query parameters that carry credentials, as with what runs are started for.
    private static func request(_ call: IngressRequest, _ note: DeliveryNote, without proof: Set<String>) -> Value {
        var headers: [Value] = []
        for (name, value) in call.headers.fields {
            let lower = name.lowercased()
            guard !proof.contains(lower), lower == "idempotency-key" || !CredentialName.isField(lower) else { continue }
            headers.append([.string(name), .string(value)])
        }
        let query = call.query.split(separator: "&").filter { pair in
            let name = pair.prefix { $0 != "=" }
            return !CredentialName.isParameter(PercentDecoding.text(name) ?? String(name))
        }.joined(separator: "&")
        let path = Substring(call.url.utf8.prefix { $0 != UInt8(ascii: "?") })
        let url = path + (query.isEmpty ? "" : "?" + query)
        return [
            "headers": .list(headers), "query": .string(query), "url": .string(String(url)),
            "from": .string(call.remoteAddress),
            "params": .object(
                ValueObject(note.parameters.sorted { $0.key < $1.key }.map { ($0.key, .string($0.value)) })),
        ]
    }
}
