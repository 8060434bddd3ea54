internal import RunnelSupport
internal import RunnelValue

/// What the API's servers report in place of an answer, and beside it.
extension ServerMessage {
    /// Whether the code says that trying again may help.
    var isTransient: Bool {
        guard let code = code?.lowercased() else { return false }
        if let status = Int(code) { return status == 429 || (500...599).contains(status) }
        return ["rate_limit", "overload", "server_error", "internal", "unavailable", "timeout"].contains {
            code.contains($0)
        }
    }

    /// Whether the code is an HTTP status that says that the request itself is at fault.
    var blamesRequest: Bool {
        guard let status = code.flatMap({ Int($0) }) else { return false }
        return (400...499).contains(status) && ![408, 409, 425, 429].contains(status)
    }

    /// The error that a document reports in place of an answer; `nil` when it reports none.
    /// - Parameter isNamed: Whether only what is surely an error counts, see ``ChunkDecoder``.
    init?(reportedIn document: Value, isNamed: Bool) {
        guard Self.isError(document, isNamed: isNamed) else { return nil }
        self.init(document: document)
    }

    private static func isError(_ document: Value, isNamed: Bool) -> Bool {
        if let error = document["error"], !error.isNoError { return true }
        if document["success"] == .bool(false) { return true }
        // Beside an answer the rest has other meanings.
        if let choices = document["choices"]?.asList, !choices.isEmpty { return false }
        if ["object", "type", "event"].contains(where: { document[$0]?.string == "error" }) { return true }
        if isNamed { return false }
        if ["error", "fail", "failed"].contains(document["status"]?.string?.lowercased()) { return true }
        if let code = document.first(of: "error_code", "errorCode")?.integer, code != 0 { return true }
        let hasMessage = document.first(of: "message", "msg", "error_msg", "errorMessage")?.string?.isEmpty == false
        if hasMessage, let code = document["code"] {
            if let number = code.integer { return number != 0 && !(100..<300).contains(number) }
            if let word = code.string { return !["", "ok", "success", "succeeded"].contains(word.lowercased()) }
        }
        if hasMessage, let status = document.first(of: "status", "statusCode", "status_code")?.integer {
            return status >= 400
        }
        let detail = document["detail"] ?? document["errors"] ?? .null
        return !detail.isNothing && ["object", "type", "event"].allSatisfy { document[$0] == nil }
    }
}

/// Takes secrets out of text that came from elsewhere: a server may echo what it was sent, in whatever encoding.
struct ResponseRedactor: Sendable {
    /// The matcher is made when there is something to redact: most calls have nothing.
    private let secrets: [String]

    /// - Parameter secrets: Those shorter than ``SecretMatcher/minimumLength`` are left out.
    init(secrets: [String]) {
        self.secrets = secrets
    }

    func redact(_ text: String) -> String {
        guard !secrets.isEmpty, !text.isEmpty else { return text }
        return SecretMatcher(secrets: secrets.map { (name: "", secret: $0) }).redact(text)
    }

    func redact(_ text: String?) -> String? {
        text.map { redact($0) }
    }
}
