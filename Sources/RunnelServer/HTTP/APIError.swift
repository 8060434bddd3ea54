import HTTPTypes
import Hummingbird
import NIOCore
import RunnelEngine
import RunnelKit

/// An error of the API.
struct APIError: Error {
    var status: Int
    let code: any ErrorCode
    var message: String
    var headers: HTTPFields = [:]

    init(_ status: Int, _ code: APIErrorCode, _ message: String) {
        self.status = status
        self.code = code
        self.message = message
    }

    init(_ error: JournalError) {
        status = 503
        code = error.code
        message = error.message
    }

    /// Whether the error has this code.
    func has(_ code: APIErrorCode) -> Bool { self.code.rawValue == code.rawValue }

    var response: Response {
        var response = Response.json(
            ["error": ["code": .string(code.rawValue), "message": .string(message)]], status: status)
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

/// Runs `body` and converts errors of the journal to API errors.
func withJournal<Result>(_ body: () async throws -> Result) async throws -> Result {
    do {
        return try await body()
    } catch let error as JournalError {
        throw APIError(error)
    }
}
