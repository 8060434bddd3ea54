internal import RunnelHTTP
internal import RunnelKit

/// A call's body, as templates see it.
struct WebhookBody: Sendable, Hashable {
    /// Read by its media type; null where there is none.
    var value: Value
    /// As it came: text where it is UTF-8, else bytes.
    var raw: Value
}

/// Reads bodies by what their `Content-Type` says.
struct BodyReader: Sendable {
    /// The media types that are taken; nil for all that can be read.
    let accept: [MediaRange]?

    func read(_ request: IngressRequest) throws(BodyProblem) -> WebhookBody {
        let raw = String(validating: request.body, as: UTF8.self).map(Value.string) ?? .bytes(request.body)
        let declared = request.headers.first("content-type")
        // Many clients name a type for the body they do not send.
        if request.body.isEmpty, declared == nil || request.method == "GET" || request.method == "DELETE" {
            return WebhookBody(value: .null, raw: .string(""))
        }
        try checkEncoding(request)
        // RFC 9110, section 8.3: without a type the body may be anything.
        guard let type = MediaType(declared ?? "application/octet-stream") else {
            throw .unsupported(code: "unsupported-media-type", message: "the content type cannot be read")
        }
        guard takes(type) else {
            throw .unsupported(
                code: "unsupported-media-type",
                message: "this hook does not take bodies of the type \"\(type.essence)\"")
        }
        return WebhookBody(value: try value(request.body, type, declared ?? ""), raw: raw)
    }

    private func checkEncoding(_ request: IngressRequest) throws(BodyProblem) {
        let encodings = request.headers["content-encoding"].map { $0.lowercased() }
        guard encodings.allSatisfy({ $0 == "identity" || $0.isEmpty }) else {
            throw .unsupported(
                code: "unsupported-content-encoding", message: "this hook takes bodies that are not compressed",
                header: .init(name: "accept-encoding", value: "identity"))
        }
    }

    private func takes(_ type: MediaType) -> Bool {
        if let accept { return accept.contains { $0.contains(type) } }
        return type.isJSON || type.isText || type.essence == "multipart/form-data"
            || type.essence == "application/octet-stream"
    }

    private func value(_ bytes: [UInt8], _ type: MediaType, _ declared: String) throws(BodyProblem) -> Value {
        if type.isJSON {
            do {
                return try Value.json(bytes)
            } catch {
                // The words may quote a key, which can be as long as the body.
                throw .malformed("the body is not JSON: \("\(error)".prefix(300))")
            }
        }
        switch type.essence {
        case "application/x-www-form-urlencoded":
            return .object(try FormReader.read(bytes, charset: type.charset))
        case "multipart/form-data":
            guard let boundary = HeaderParameters(declared).values["boundary"] else {
                throw .malformed("the content type names no boundary between the parts")
            }
            return .object(try MultipartForm.read(bytes, boundary: boundary))
        default: break
        }
        guard type.isText else { return .bytes(bytes) }
        do {
            return .string(try TextDecoding.decode(bytes, charset: type.charset))
        } catch {
            throw .unsupported(
                code: "unsupported-charset",
                message: "the charset \(Value.string(error.name).quoted()) is not known here")
        }
    }
}
