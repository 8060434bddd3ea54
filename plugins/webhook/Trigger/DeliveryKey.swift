internal import Crypto
internal import RunnelKit

/// Finds what is the same in each delivery of an event and different in every other event.
struct DeliveryKey: Sendable {
    enum Source: Sendable, Hashable {
        /// In lower case.
        case header(String)
        case body(JSONPointer)

        var name: String {
            switch self {
            case .header(let name): name
            case .body(let pointer): pointer.text
            }
        }
    }

    /// Longer ids are replaced by their hash, so that the journal's keys stay short.
    static let longestID = 200

    /// What stands behind `/hooks/`, with the names of parameters.
    let path: String
    /// The first that a delivery has counts.
    let sources: [Source]
    let verifier: any Verifier
    private let isNamed: Bool

    /// - Parameter source: The one that the pipeline names; else those that senders use, and what the scheme's sender
    ///   repeats.
    init(path: String, source: Source?, verification: Verification) {
        self.path = path
        verifier = verification.verifier
        isNamed = source != nil
        let usual: [Source] = ["webhook-id", "x-github-delivery", "idempotency-key"].map { .header($0) }
        let own: Source? =
            switch verification.scheme {
            case .stripe: JSONPointer("/id").map { .body($0) }
            case .slack: JSONPointer("/event_id").map { .body($0) }
            case .twilio: .header("i-twilio-idempotency-token")
            default: nil
            }
        sources = source.map { [$0] } ?? (own.map { [$0] } ?? []) + usual
    }

    /// The key of a delivery; nil if it has neither an id nor a signature.
    func key(_ request: IngressRequest, body: Value) -> String? {
        identity(request, body).map { "webhook:\(Self.shortened(place(request))):\($0)" }
    }

    /// The id of a delivery, or else its signature, prefixed with the name of the source.
    private func identity(_ request: IngressRequest, _ body: Value) -> String? {
        if !isNamed, let id = verifier.signedID(request) { return "webhook-id:\(Self.shortened(id))" }
        for source in sources {
            guard let id = id(source, request, body) else { continue }
            return "\(source.name):\(Self.shortened(id))"
        }
        guard verifier.coversBody else { return nil }
        let proof = verifier.proofHeaders.sorted().compactMap(request.headers.first).first
        return proof.map { "signature:\(Self.hash($0))" }
    }

    /// The path as it was called: with the values of its parameters.
    private func place(_ request: IngressRequest) -> String {
        request.parameters.isEmpty ? path : String(request.path.dropFirst("/hooks/".count))
    }

    private func id(_ source: Source, _ request: IngressRequest, _ body: Value) -> String? {
        let text: String? =
            switch source {
            case .header(let name): request.headers.first(name)
            case .body(let pointer):
                switch pointer.value(in: body) {
                case .string(let text): text
                case .int, .double: pointer.value(in: body)?.json()
                default: nil
                }
            }
        return text?.isEmpty == false ? text : nil
    }

    private static func shortened(_ id: String) -> String { id.utf8.count > longestID ? hash(id) : id }

    private static func hash(_ text: String) -> String {
        "sha256=" + Base64.encode(Array(SHA256.hash(data: Array(text.utf8))))
    }
}

/// The value of `idempotency`: where a delivery says which event it is.
struct Idempotency: FieldGroup {
    static let rules: [FieldRule] = [.exactlyOne(["header", "body"])]

    @Field("A header field.") var header: HeaderName?
    @Field("A place in the body, as a JSON pointer: `/data/id`.") var body: JSONPointer?

    var source: DeliveryKey.Source? {
        header.map { .header($0.name) } ?? body.map { .body($0) }
    }
}
