internal import RunnelKit

/// Why a body cannot be used.
enum BodyProblem: Error, Hashable {
    /// 415: a media type or an encoding that is not taken. `header` tells the caller what is.
    case unsupported(code: WebhookErrorCode, message: String, header: Header? = nil)
    /// 413: larger than that many bytes when decompressed.
    case tooLarge(limit: Int)
    /// 400.
    case malformed(String)

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
        case .malformed(let message): .error(400, WebhookErrorCode.malformedBody, message)
        }
    }
}
