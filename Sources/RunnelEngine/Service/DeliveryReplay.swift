package import RunnelKit
import Templates

/// Makes runs of stored deliveries again.
public struct DeliveryReplay: Sendable {
    /// Why a delivery cannot be replayed.
    public enum Failure: Error, Sendable {
        /// The pipeline has no such trigger any more.
        case noSuchTrigger(key: String)
        /// The trigger cannot make events of stored deliveries.
        case notReplayable(kind: String)
        /// Only a part of the body is kept, and the run of the delivery is gone.
        case cut(size: Int)
        /// The trigger refuses the delivery, with its words.
        case refused(String)
    }

    private let registry: StepRegistry
    private let runs: RunService
    private let identities: TriggerIdentities

    package init(registry: StepRegistry, runs: RunService) {
        self.registry = registry
        self.runs = runs
        let runner = runs.worker.runner
        identities = TriggerIdentities(registry: registry, values: runner.values, seal: runner.seal)
    }

    /// The run of a delivery, of the pipeline as it is now. Neither the sender nor the trigger's `if` is checked: the
    /// operator vouches for it.
    ///
    /// - Parameters:
    ///   - delivery: As the journal has it.
    ///   - pipeline: The current version.
    ///   - old: The run that the delivery has started before; the new one is a retry of it. Without one, the new run
    ///     gets the identity of the event, so that a redelivery by the sender is a duplicate.
    ///   - dedupeKey: Repeated replays with one key start one run. The run's id is made with the key, because a run with
    ///     the event's identity does not store it; see ``UUIDv7/make(nanoseconds:key:)``.
    public func makeRun(
        of delivery: DeliveryRecord, in pipeline: Pipeline, retrying old: String?, dedupeKey: String?
    ) throws(Failure) -> NewRun {
        guard delivery.isWhole else { throw .cut(size: delivery.size) }
        guard
            let (trigger, identity) = zip(pipeline.triggers, identities.all(of: pipeline)).first(where: {
                $0.0.key == delivery.trigger
            })
        else { throw .noSuchTrigger(key: delivery.trigger) }
        guard let replay = registry.trigger(named: trigger.kind)?.replay else {
            throw .notReplayable(kind: trigger.kind)
        }
        let event: TriggerEvent
        let inputs: ValueObject
        do {
            let entry = try trigger.entry.render(identities.scope).asObject ?? [:]
            event = try replay(
                entry, request(of: delivery), ReplayContext(pipeline: pipeline.name, identity: identity))
            inputs = try pipeline.inputValues([])
        } catch {
            throw .refused(runs.worker.runner.redactor.redact(Self.words(error)))
        }
        var chain = 0
        if case .foreign(let before) = event.cause { chain = max(before, 0) + 1 }
        let request = RunRequest(
            id: runs.makeID(key: dedupeKey), inputs: inputs, trigger: event.trigger(ofType: trigger.kind),
            input: event.input, chain: chain)
        let eventKey = old == nil ? event.dedupeKey : nil
        var run = runs.makeRun(request, of: pipeline, dedupeKey: eventKey ?? dedupeKey)
        run.record.retryOf = old
        return run
    }

    /// The request as it came, with secrets in the place of their references.
    private func request(of delivery: DeliveryRecord) -> IngressRequest {
        let seal = runs.worker.runner.seal
        let stored = seal.unseal(delivery.request)
        var headers = HeaderList()
        for field in stored["headers"]?.asList ?? [] {
            guard let pair = field.asList, pair.count == 2 else { continue }
            headers.add(pair[0].asString ?? "", pair[1].asString ?? "")
        }
        var body = delivery.body
        if case .bytes(let bytes) = seal.unseal(.bytes(body)) { body = bytes }
        let parameters = (stored["params"]?.asObject ?? [:]).map { ($0.key, $0.value.asString ?? "") }
        return IngressRequest(
            method: delivery.method, path: seal.unseal(delivery.path), query: stored["query"]?.asString ?? "",
            headers: headers, body: body, remoteAddress: stored["from"]?.asString ?? "", url: stored["url"]?.asString
        ).with(parameters: Dictionary(parameters, uniquingKeysWith: { first, _ in first }))
    }

    private static func words(_ error: any Error) -> String {
        switch error {
        case let error as IngressError: error.response.errorMessage ?? "the answer is \(error.response.status)"
        case let error as InputError: error.message
        case let error as StepError: error.message
        default: "\(error)"
        }
    }
}
