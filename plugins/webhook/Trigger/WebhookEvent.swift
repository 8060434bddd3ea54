internal import RunnelKit

/// Makes the event of a call: when it comes, and when it is replayed.
struct WebhookEvent: Sendable {
    let verification: Verification
    let deliveries: DeliveryKey
    let redeliver: RedeliverMode

    func event(_ request: IngressRequest, _ body: WebhookBody) throws(BodyProblem) -> TriggerEvent {
        var generator = SystemRandomNumberGenerator()
        let payload = try WebhookPayload.object(request, body, without: verification.verifier.proofHeaders)
        return TriggerEvent(
            dedupeKey: deliveries.key(request, body: body.value, using: &generator), payload: payload,
            input: body.value, redelivery: redeliver == .retry ? .retry : .same,
            isAnonymous: verification.scheme == .none, cause: Self.cause(request))
    }

    /// Continues the chain of a run of Runnel that sent the request. A stranger who claims one shortens its own.
    private static func cause(_ request: IngressRequest) -> TriggerEvent.Cause? {
        guard let text = request.headers.first(Delivery.chainHeader), let chain = Int(text) else { return nil }
        return .foreign(chain: min(chain, 1_000_000))
    }
}
