public import RunnelKit

extension RunRecord {
    /// - Parameter isFull: Whether to include input and output. Sealed secrets are masked.
    public func json(isFull: Bool) -> Value {
        var object: ValueObject = [
            "id": .string(id), "pipeline": .string(pipeline), "state": .string(state.rawValue),
            "trigger": SecretSeal.masked(trigger), "created_at": .string(Timestamp.text(nanoseconds: createdAt)),
        ]
        object["started_at"] = startedAt.map { .string(Timestamp.text(nanoseconds: $0)) }
        object["ended_at"] = endedAt.map { .string(Timestamp.text(nanoseconds: $0)) }
        object["error"] = error
        object["interruptions"] = .int(Int64(interruptions))
        if isInterrupted { object["interrupted"] = true }
        if deaths > 0 { object["deaths"] = .int(Int64(deaths)) }
        if state == .waiting { object["wake_at"] = wakeAt.map { .string(Timestamp.text(nanoseconds: $0)) } }
        if isCancelRequested { object["cancel_requested"] = true }
        if finallyStage == .cancelled { object["finally_cancelled"] = true }
        object["moved_to"] = movedTo.map { .string($0) }
        if priority != 0 { object["priority"] = .int(Int64(priority)) }
        if chain > 0 { object["chain"] = .int(Int64(chain)) }
        object["machine"] = host.map { .string($0) }
        object["retry_of"] = retryOf.map { .string($0) }
        object["retried_by"] = retriedBy.map { .string($0) }
        object["dedupe_key"] = dedupeKey.map { .string(SecretSeal.masked($0)) }
        guard isFull else { return .object(object) }
        object["definition"] = .string(definition)
        object["inputs"] = SecretSeal.masked(.object(inputs))
        object["input"] = SecretSeal.masked(input)
        object["output"] = output.map(SecretSeal.masked)
        let parts = Part.allCases.filter { lost[$0] != nil }
        if !parts.isEmpty { object["lost"] = .list(parts.map { .string($0.rawValue) }) }
        return .object(object)
    }
}

extension StepRecord {
    /// Sealed secrets are masked.
    public var json: Value {
        var object: ValueObject = [
            "step": .string(key.description), "uses": .string(uses), "state": .string(state.rawValue),
            "attempt": .int(Int64(attempt)),
        ]
        object["started_at"] = startedAt.map { .string(Timestamp.text(nanoseconds: $0)) }
        object["ended_at"] = endedAt.map { .string(Timestamp.text(nanoseconds: $0)) }
        object["retry_at"] = retryAt.map { .string(Timestamp.text(nanoseconds: $0)) }
        object["error"] = shownError
        object["with"] = with.map(SecretSeal.masked)
        object["attributes"] = attributes.map(SecretSeal.masked)
        object["output"] = output.map(SecretSeal.masked)
        if lost != nil { object["lost"] = true }
        return .object(object)
    }
}

extension RunRecord {
    /// Whether the trigger has to be told when the run has ended, as the run begins.
    package var isSourceDue: Bool { retryOf != nil && source?["state"] != nil }

    /// Where the trigger has moved the file that the run was started for.
    public var movedTo: String? { source?["payload"]?["path"]?.asString.map { SecretSeal.masked($0) } }
}

extension RunSource {
    /// As the journal stores it.
    var json: Value {
        var object: ValueObject = ["payload": .object(payload), "input": input]
        object["state"] = state
        return .object(object)
    }

    package init?(json: Value) {
        guard let payload = json["payload"]?.asObject else { return nil }
        self.init(payload: payload, input: json["input"] ?? .null, state: json["state"])
    }
}
