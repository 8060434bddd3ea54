internal import NIOHTTP1
public import RunnelKit
internal import RunnelSupport

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

/// What a server says about a failure in the body of its answer.
public enum ServerWords {
    private static let limit = 200
    /// How much of a body is looked at.
    private static let bodyLimit = 65_536

    /// One line to be quoted in an error; nil where the body holds nothing for people.
    ///
    /// - Parameter redact: masks secrets. It sees the whole text, before a cut could split a secret. The end of a body
    ///   that is cut already is left out.
    public static func line(of reply: HTTPReply, redact: (String) -> String) -> String? {
        let isCut = reply.isBodyCut || reply.body.count > bodyLimit
        let body = Array(reply.body.prefix(bodyLimit).dropLast(isCut ? ServerMessage.unsafeTail : 0))
        guard !body.isEmpty, reply.contentEncoding == nil else { return nil }
        let charset = reply.mediaType?.charset
        let isWideText = charset?.hasPrefix("utf-16") == true
        guard isWideText || !body.contains(0), let text = try? TextDecoding.decode(body, charset: charset) else {
            return nil
        }
        let line = ServerMessage.line(in: text, isPage: reply.mediaType?.isHTML == true).map {
            $0.split(whereSeparator: \.isWhitespace).joined(separator: " ")
        }
        return line.map { Value.string(redact($0)).quoted(limit: limit) }
    }
}

/// Tells which header fields and query keys carry credentials.
public enum SensitiveName {
    /// Whether a field or parameter of this name is likely to hold a secret.
    public static func matches(_ name: String) -> Bool { CredentialName.isField(name) }

    /// Whether a query parameter of a call that comes in is one that senders put credentials in. Narrower than
    /// ``matches(_:)``: `keyword` and `author` are what a caller asks for.
    public static func matchesParameter(_ name: String) -> Bool { CredentialName.isParameter(name) }
}

extension HTTPCall {
    /// Masks what this request proves its right with, should the other side repeat it. `more` are secrets that stand
    /// in it in another form.
    public func redactor(more: [String] = []) -> Redactor {
        var secrets = more
        for (name, value) in headers where SensitiveName.matches(name) {
            secrets.append(value)
            // The word before the space is the scheme: "Bearer", "Basic".
            secrets += value.split(separator: " ").dropFirst().map(String.init)
        }
        for pair in (url.query ?? "").split(separator: "&") {
            let parts = pair.split(separator: "=", maxSplits: 1)
            guard parts.count == 2, SensitiveName.matches(String(parts[0])) else { continue }
            secrets += [String(parts[1]), PercentEncoding.decode(parts[1])]
        }
        return Redactor(secrets: secrets)
    }
}
