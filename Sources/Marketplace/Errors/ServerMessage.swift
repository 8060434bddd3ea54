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

    /// The error that a document reports in place of an answer; `nil` when it reports none.
    init?(reportedIn document: JSONValue) {
        let error = document.first(of: "error")
        guard (error != nil && error != .bool(false)) || document["success"] == .bool(false) else { return nil }
        self.init(document: document)
    }

    /// The message of a body that is known to be about a failure.
    init(document: JSONValue) {
        let error = document.first(of: "error")
        switch error {
        case .string(let text)?:
            // OAuth servers put a code in `error` and the sentence beside it (RFC 6749, section 5.2).
            let description = document.first(of: "error_description", "message", "detail")?.string
            self.text = description ?? text
            code = document.first(of: "code", "status")?.text ?? (description == nil ? nil : text)
        case .some(let object) where object.isObject:
            text = object.first(of: "message", "detail", "description", "reason", "msg")?.text
            code = object.first(of: "code", "status", "type")?.text
        case .some, nil:
            text = Self.sentence(in: document)
            code = document.first(of: "code", "status")?.text
        }
    }

    private static func sentence(in document: JSONValue) -> String? {
        switch document {
        case .string(let text): return text
        case .array(let elements): return elements.first.flatMap(sentence)
        default: break
        }
        if let text = document.first(of: "message", "detail", "error_description", "msg", "title", "reason")?.text {
            return text
        }
        return document.first(of: "detail", "errors", "message").flatMap {
            $0.isObject || $0.elements != nil ? sentence(in: $0) : nil
        }
    }

    /// The message of a response's body: JSON of any known shape, or else the first line of what is written there.
    init(body: [UInt8], contentType: String?) {
        if let document = body.withUnsafeBytes({ try? JSONReader.read($0) }) {
            let message = Self(document: document)
            if message.text != nil || message.code != nil {
                self = message
                return
            }
        }
        let plain = String(decoding: body, as: UTF8.self)
        let looksLikeMarkup =
            MediaType.essence(contentType) == "text/html" || plain.drop(while: \.isWhitespace).first == "<"
        self.init(text: looksLikeMarkup ? Markup.firstLine(plain) : Self.firstLine(plain), code: nil)
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
