internal import RunnelSupport
internal import RunnelValue

/// What a server says about a failure, in any of the shapes that servers use.
struct ServerMessage: Equatable, Sendable {
    /// The sentence for people.
    var text: String?
    /// The server's code: a word, or an HTTP status as a number.
    var code: String?

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
        if let error = document["error"], !error.isNothing { return true }
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

    /// The message of a body that is known to be about a failure.
    init(document: Value) {
        let error = document.first(of: "error")
        switch error {
        case .string(let text)?:
            // OAuth servers put a code in `error` and the sentence beside it (RFC 6749, section 5.2).
            let description = document.first(of: "error_description", "message", "detail")?.string
            self.text = description ?? text
            code = document.first(of: "code", "status")?.scalarText ?? (description == nil ? nil : text)
        case .some(let object) where object.isObject:
            text =
                object.first(of: "message", "detail", "description", "reason", "msg")?.scalarText
                ?? Self.sentence(in: object)
            code = object.first(of: "code", "status", "type")?.scalarText
        case .some(let list) where list.asList != nil:
            text = Self.sentence(in: list)
            code = document.first(of: "code", "status")?.scalarText
        case .some, nil:
            text = Self.sentence(in: document)
            code =
                document.first(of: "code", "error_code", "errorCode", "statusCode", "status_code")?.scalarText
                ?? document["status"]?.integer.map { String($0) }
        }
    }

    private static func sentence(in document: Value) -> String? {
        switch document {
        case .string(let text): return text
        case .list(let elements): return elements.first.flatMap(sentence)
        default: break
        }
        let names = [
            "message", "detail", "error_description", "msg", "error_msg", "errorMessage", "title", "reason", "text",
        ]
        if let text = names.lazy.compactMap({ document[$0]?.scalarText }).first(where: { !$0.isEmpty }) { return text }
        return document.first(of: "detail", "errors", "message", "error").flatMap {
            $0.isObject || $0.asList != nil ? sentence(in: $0) : nil
        }
    }

    /// The message of a response's body: JSON of any known shape, or else the first line of what is written there.
    init(body: [UInt8], contentType: String?) {
        if let document = body.withUnsafeBytes({ try? Value.received($0) }) {
            let message = Self(document: document)
            if message.text != nil || message.code != nil {
                self = message
                return
            }
        }
        let plain = String(decoding: body, as: UTF8.self)
        let looksLikeMarkup =
            ContentType.essence(contentType) == "text/html" || plain.drop(while: \.isWhitespace).first == "<"
        let page = looksLikeMarkup ? HTMLPage(plain) : nil
        self.init(text: page?.title ?? Self.firstLine(page?.text ?? plain), code: nil)
    }

    init(text: String?, code: String?) {
        self.text = text
        self.code = code
    }

    private static func firstLine(_ text: String) -> String? {
        text.split(whereSeparator: \.isNewline).lazy
            .map { $0.drop(while: \.isWhitespace) }
            .first { !$0.isEmpty }
            .map(String.init)
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
