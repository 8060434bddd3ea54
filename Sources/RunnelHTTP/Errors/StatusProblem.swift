public import RunnelKit

/// The error of an answer whose status says that it did not work.
public enum StatusProblem {
    /// Whether the same request could be answered otherwise a little later. A loop (508) does not end by itself.
    public static func isTransient(_ status: Int) -> Bool {
        status == 408 || status == 429 || (500...599).contains(status) && status != 508
    }

    /// - Parameters:
    ///   - call: method and URL as the message shows them.
    ///   - words: what the server said, as ``ServerWords`` gives it.
    ///   - now: nanoseconds since 1970.
    public static func error(call: String, reply: HTTPReply, words: String?, now: Int64) -> StepError {
        let isTransient = isTransient(reply.status)
        return StepError(
            HTTPErrorCode.httpStatus,
            "\(call) answered \(reply.statusLine)" + (words.map { ": \($0)" } ?? ""),
            hint: hint(reply.status), isTransient: isTransient,
            retryAfter: isTransient ? reply.retryAfter(now: now) : nil)
    }

    private static func hint(_ status: Int) -> String? {
        switch status {
        case 400, 422: "the server does not accept the request: compare it with the server's documentation"
        case 401: "check the credentials: the server does not know them"
        case 403: "check what the credentials are allowed to do"
        case 404: "check the URL"
        case 405: "check `method`"
        case 407: "the proxy wants credentials"
        case 508: "the request came back to where it began: end the loop of servers that call each other"
        case 408, 500...599: "the trouble is on the server's side; trying again later may help"
        case 413: "send less at once"
        case 415: "check what is sent and its `content-type`"
        case 429: "the server is called too often; wait before the next try"
        default: nil
        }
    }
}
