/// How a request is answered.
enum Outcome: Sendable, Equatable {
    case reply(Reply)
    case stream([StreamStep])
    /// The connection is reset before any header.
    case reset

    /// Nil when there is no answer.
    var status: Int? {
        switch self {
        case .reply(let reply): reply.status
        case .stream: 200
        case .reset: nil
        }
    }
}

/// A whole answer.
struct Reply: Sendable, Equatable {
    static let json = "application/json; charset=utf-8"

    var status = 200
    var headers: [String: String] = [:]
    var contentType = Reply.json
    var body: String

    init(_ failure: APIFailure) {
        status = failure.status
        headers = failure.headers
        body = failure.body
    }

    init(body: String, contentType: String = Reply.json) {
        self.contentType = contentType
        self.body = body
    }
}
