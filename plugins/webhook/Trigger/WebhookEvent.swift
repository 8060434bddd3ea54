internal import RunnelHTTP
internal import RunnelKit

/// Makes the event of a call: when it comes, and when it is replayed.
struct WebhookEvent: Sendable {
    let verification: Verification
    let deliveries: DeliveryKey
    let redeliver: RedeliverMode

    func event(_ request: IngressRequest, _ body: WebhookBody) throws(BodyProblem) -> TriggerEvent {
        let payload = try WebhookPayload.object(request, body, without: verification.verifier.proofHeaders)
        return TriggerEvent(
            dedupeKey: deliveries.key(request, body: body.value), payload: payload,
            input: body.value, redelivery: redeliver == .retry ? .retry : .same,
            isAnonymous: verification.scheme == .none, cause: Self.cause(request))
    }

    /// Continues the chain of a run of Runnel that sent the request. A stranger who claims one shortens its own.
    private static func cause(_ request: IngressRequest) -> TriggerEvent.Cause? {
        guard let text = request.headers.first(Delivery.chainHeader), let chain = Int(text) else { return nil }
        return .foreign(chain: min(chain, 1_000_000))
    }
}

/// `trigger` in templates, as a call makes it.
enum WebhookPayload {
    /// - Parameter proof: The header fields that the signature stands in.
    static func object(
        _ request: IngressRequest, _ body: WebhookBody, without proof: Set<String>
    ) throws(BodyProblem) -> ValueObject {
        var object: ValueObject = [
            "method": .string(request.method), "path": .string(request.path),
            "params": .object(
                ValueObject(request.parameters.sorted { $0.key < $1.key }.map { ($0.key, .string($0.value)) })),
            "headers": .object(headers(request.headers, without: proof)), "query": .object(try query(request)),
            "body": body.value, "raw": body.raw,
        ]
        for (key, value) in trace(request.headers)?.payload ?? [:] { object[key] = value }
        return object
    }

    /// Of a caller that takes part in a distributed trace. A repeated field is malformed.
    private static func trace(_ headers: HeaderList) -> TraceContext? {
        let parents = headers[TraceContext.fields.parent]
        guard parents.count == 1 else { return nil }
        let states = headers[TraceContext.fields.state]
        return TraceContext(
            traceparent: parents[0], tracestate: states.isEmpty ? nil : states.joined(separator: ","))
    }

    /// Without parameters that carry credentials, as with header fields.
    private static func query(_ request: IngressRequest) throws(BodyProblem) -> ValueObject {
        let query = try FormReader.read(Array(request.query.utf8))
        return ValueObject(query.filter { !SensitiveName.matchesParameter($0.key) }.map { ($0.key, $0.value) })
    }

    /// The fields by lower-case name, a repeated one joined by commas (RFC 9110, section 5.3). Those that carry
    /// credentials are left out: what stands here is stored with the run.
    private static func headers(_ headers: HeaderList, without proof: Set<String>) -> ValueObject {
        var kept: [(name: String, value: String)] = []
        kept.reserveCapacity(headers.fields.count)
        for (name, value) in headers.fields {
            let name = name.lowercased()
            guard !proof.contains(name), name == "idempotency-key" || !SensitiveName.matches(name) else { continue }
            if let index = kept.firstIndex(where: { $0.name == name }) {
                kept[index].value += ", \(value)"
            } else {
                kept.append((name, value))
            }
        }
        return ValueObject(kept.map { ($0.name, .string($0.value)) })
    }
}
