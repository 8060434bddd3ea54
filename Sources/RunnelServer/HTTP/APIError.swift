import HTTPTypes
import Hummingbird
import NIOCore
import RunnelEngine
import RunnelKit

/// Why a request of the API was not carried out.
struct APIError: Error {
    let status: Int
    /// Stable and in kebab case.
    let code: String
    let message: String
    var headers: HTTPFields = [:]

    init(_ status: Int, _ code: String, _ message: String) {
        self.status = status
        self.code = code
        self.message = message
    }

    init(_ error: JournalError) {
        self.init(503, error.code, error.message)
    }

    var response: Response {
        var response = Response.json(["error": ["code": .string(code), "message": .string(message)]], status: status)
        for field in headers { response.headers.append(field) }
        return response
    }
}

extension Response {
    static func json(_ value: Value, status: Int = 200) -> Response {
        Response(
            status: .init(code: status), headers: [.contentType: "application/json"],
            body: ResponseBody(byteBuffer: ByteBuffer(bytes: value.jsonBytes())))
    }
}

/// Runs `body`; what the journal has to say becomes an answer.
func withJournal<Result>(_ body: () async throws -> Result) async throws -> Result {
    do {
        return try await body()
    } catch let error as JournalError {
        throw APIError(error)
    }
}
