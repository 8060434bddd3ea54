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

    /// What stands behind `/hooks/`.
    let path: String
    /// The first that a delivery has counts.
    let sources: [Source]

    /// - Parameter source: The one that the pipeline names; else those that senders use, and what the scheme's sender
    ///   repeats.
    init(path: String, source: Source?, scheme: VerificationScheme) {
        self.path = path
        let usual: [Source] = ["webhook-id", "x-github-delivery", "idempotency-key"].map { .header($0) }
        let own: JSONPointer? =
            switch scheme {
            case .stripe: JSONPointer("/id")
            case .slack: JSONPointer("/event_id")
            default: nil
            }
        sources = source.map { [$0] } ?? (own.map { [.body($0)] } ?? []) + usual
    }

    /// The key of a delivery; one by chance where it says nothing of itself.
    func key(_ request: IngressRequest, body: Value, using generator: inout some RandomNumberGenerator) -> String {
        for source in sources {
            guard let id = id(source, request, body) else { continue }
            return "webhook:\(path):\(source.name):\(Self.shortened(id))"
        }
        return "webhook:\(path):\(UInt64.random(in: .min ... .max, using: &generator))"
            + "-\(UInt64.random(in: .min ... .max, using: &generator))"
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

    private static func shortened(_ id: String) -> String {
        guard id.utf8.count > longestID else { return id }
        return "sha256=" + Base64.encode(Array(SHA256.hash(data: Array(id.utf8))))
    }
}
