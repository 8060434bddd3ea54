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
    /// The largest body in bytes.
    let limit: Int
    let forms: FormStyle

    /// Takes the body out of the request.
    func read(_ request: IngressRequest) throws(BodyProblem) -> WebhookBody {
        let declared = request.headers.first("content-type")
        var bytes = request.takeBody()
        // Many clients name a type for the body they do not send.
        if bytes.isEmpty, declared == nil || request.method == "GET" || request.method == "DELETE" {
            return WebhookBody(value: .null, raw: .string(""))
        }
        bytes = try decompressed(bytes, request)
        // RFC 9110, section 8.3: without a type the body may be anything.
        guard let type = MediaType(declared ?? "application/octet-stream") else {
            throw .unsupported(code: .unsupportedMediaType, message: "the content type cannot be read")
        }
        guard takes(type) else {
            throw .unsupported(
                code: .unsupportedMediaType,
                message: "this hook does not take bodies of the type \"\(type.essence)\"")
        }
        // The text is held once where the body is read from it.
        guard let text = String(validating: bytes, as: UTF8.self) else {
            return WebhookBody(value: try value(bytes, type, declared ?? ""), raw: .bytes(bytes))
        }
        if type.isJSON {
            bytes = []
            return WebhookBody(value: try json { () throws(JSONError) in try Value.json(text) }, raw: .string(text))
        }
        if type.isText, type.essence != "application/x-www-form-urlencoded",
            type.charset.map({ ["utf-8", "utf8", "us-ascii"].contains($0) }) ?? true, text.utf8.first ?? 0 < 0x80
        {
            return WebhookBody(value: .string(text), raw: .string(text))
        }
        return WebhookBody(value: try value(bytes, type, declared ?? ""), raw: .string(text))
    }

    private func json(_ read: () throws(JSONError) -> Value) throws(BodyProblem) -> Value {
        do {
            return try read()
        } catch {
            throw .malformed("the body is not JSON: \(error)")
        }
    }

    /// Decompresses the body. Its signature was checked over the bytes as they came.
    private func decompressed(_ bytes: [UInt8], _ request: IngressRequest) throws(BodyProblem) -> [UInt8] {
        do throws(CompressedBody.Problem) {
            return try CompressedBody.decompress(bytes, encodings: request.headers["content-encoding"], upTo: limit)
        } catch {
            switch error {
            case .tooLarge: throw .tooLarge(limit: limit)
            case .corrupt(let coding):
                throw .malformed("the body is not \(Value.string(coding).quoted()) as its Content-Encoding says")
            default:
                throw .unsupported(
                    code: .unsupportedContentEncoding,
                    message: "this hook takes bodies that are compressed with \(CompressedBody.accepted) or not at all",
                    header: .init(name: "accept-encoding", value: CompressedBody.accepted))
            }
        }
    }

    private func takes(_ type: MediaType) -> Bool {
        if let accept { return accept.contains { $0.contains(type) } }
        return type.isJSON || type.isText || type.essence == "multipart/form-data"
            || type.essence == "application/octet-stream"
    }

    private func value(_ bytes: [UInt8], _ type: MediaType, _ declared: String) throws(BodyProblem) -> Value {
        if type.isJSON { return try json { () throws(JSONError) in try Value.json(bytes) } }
        switch type.essence {
        case "application/x-www-form-urlencoded":
            return .object(
                ValueObject.gathering(
                    try FormReader.pairs(bytes, charset: type.charset).map { ($0.name, .string($0.value)) }, forms))
        case "multipart/form-data":
            guard let boundary = HeaderParameters(declared).values["boundary"] else {
                throw .malformed("the content type names no boundary between the parts")
            }
            return .object(try MultipartForm.read(bytes, boundary: boundary, forms))
        default: break
        }
        guard type.isText else { return .bytes(bytes) }
        // XML can declare its own encoding (RFC 7303, section 3.2).
        let charset = type.charset ?? (type.isXML ? TextDecoding.declaredCharset(inXML: bytes) : nil)
        do {
            return .string(try TextDecoding.decode(bytes, charset: charset))
        } catch {
            throw .unsupported(
                code: .unsupportedCharset,
                message: "the charset \(Value.string(error.name).quoted()) is not known here")
        }
    }
}

/// Why a body cannot be used.
enum BodyProblem: Error, Hashable {
    /// 415: a media type or an encoding that is not taken. `header` tells the caller what is.
    case unsupported(code: WebhookErrorCode, message: String, header: Header? = nil)
    /// 413: larger than that many bytes when decompressed.
    case tooLarge(limit: Int)
    /// 400.
    case malformed(String)

    /// In characters.
    private static let messageLimit = 300

    struct Header: Hashable {
        let name: String
        let value: String
    }

    var response: IngressResponse {
        switch self {
        case .unsupported(let code, let message, let header):
            .error(415, code, message, headers: HeaderList(header.map { [($0.name, $0.value)] } ?? []))
        case .tooLarge(let limit):
            .error(
                413, IngressErrorCode.bodyTooLarge,
                "the body is larger than the \(ByteCount(limit)) that this hook takes")
        case .malformed(let message): Self.malformed(message)
        }
    }

    /// The message may quote a key, which can be as long as the body. The caller, who wrote the key, gets the beginning of
    /// the message. The log and the journal get it whole, since they mask secrets before they truncate it.
    private static func malformed(_ message: String) -> IngressResponse {
        let isLong = message.count > messageLimit
        var response = IngressResponse.error(
            400, WebhookErrorCode.malformedBody, isLong ? message.prefix(messageLimit - 1) + "…" : message)
        if isLong { response.refusal = message }
        return response
    }
}
