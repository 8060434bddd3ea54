internal import RunnelHTTP
internal import RunnelKit

/// `trigger` in templates, as a call makes it.
enum WebhookPayload {
    /// - Parameter proof: The header fields that the signature stands in.
    static func object(
        _ request: IngressRequest, _ body: WebhookBody, without proof: Set<String>
    ) throws(BodyProblem) -> ValueObject {
        [
            "method": .string(request.method), "path": .string(request.path),
            "headers": .object(headers(request.headers, without: proof)),
            "query": .object(try FormReader.read(Array(request.query.utf8))), "body": body.value, "raw": body.raw,
        ]
    }

    /// The fields by lower-case name, a repeated one joined by commas (RFC 9110, section 5.3). Those that carry
    /// credentials are left out: what stands here is stored with the run.
    private static func headers(_ headers: HeaderList, without proof: Set<String>) -> ValueObject {
        var object = ValueObject()
        for (name, value) in headers.fields {
            let name = name.lowercased()
            guard !proof.contains(name), name == "idempotency-key" || !SensitiveName.matches(name) else { continue }
            object[name] = .string(object[name]?.asString.map { "\($0), \(value)" } ?? value)
        }
        return object
    }
}
