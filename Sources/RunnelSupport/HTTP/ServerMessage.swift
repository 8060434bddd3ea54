package import RunnelValue

/// What a server says about a failure, in any of the shapes that servers use: `{error: {message}}`, OAuth's
/// `{error, error_description}`, RFC 9457's `{title, detail}`, `{errors: [{message}]}`, any of them alone in a list, a page,
/// a line of text.
package struct ServerMessage: Equatable, Sendable {
    /// The sentence for people.
    package var text: String?
    /// The server's code: a word, or an HTTP status as a number.
    package var code: String?

    /// What is left out at the end of a body that was not read whole: a secret might be cut in two there, and not be
    /// found. No header carries a longer one.
    package static let unsafeTail = 16 * 1024

    private static var options: JSONOptions {
        var options = JSONOptions()
        options.maxDepth = 64
        options.maxValues = 1 << 20
        options.isLenient = true
        return options
    }

    /// The message of a body that is known to be about a failure.
    package init(document: Value) {
        let document = document.asList.flatMap { $0.count == 1 ? $0[0] : nil } ?? document
        let error = document.first(of: "error")
        switch error {
        case .string(let text)?:
            // OAuth servers put a code in `error` and the sentence beside it (RFC 6749, section 5.2).
            let description = document.first(of: "error_description", "message", "detail")?.asString
            self.text = description ?? text
            code = document.first(of: "code", "status")?.scalarText ?? (description == nil ? nil : text)
        case .some(let object) where object.asObject != nil:
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
                ?? document["status"]?.scalarText.flatMap { Int64($0) }.map { String($0) }
        }
    }

    private static func sentence(in document: Value) -> String? {
        switch document {
        case .string(let text): return text
        case .list(let elements): return elements.first.flatMap(sentence)
        default: break
        }
        let names = [
            "message", "Message", "detail", "error_description", "msg", "error_msg", "errorMessage", "title", "reason",
            "text",
        ]
        if let text = names.lazy.compactMap({ document[$0]?.scalarText }).first(where: { !$0.isEmpty }) { return text }
        return document.first(of: "detail", "errors", "message", "error").flatMap {
            $0.asObject != nil || $0.asList != nil ? sentence(in: $0) : nil
        }
    }

    /// The message of a response's body: JSON of any known shape, or else the first line of what is written there.
    ///
    /// - Parameter contentType: `Content-Type`, as it was sent.
    package init(body: [UInt8], contentType: String?) {
        if let document = body.withUnsafeBytes({ try? Value.json($0, Self.options) }) {
            let message = Self(document: document)
            if message.text != nil || message.code != nil {
                self = message
                return
            }
        }
        self.init(
            text: Self.line(
                of: String(decoding: body, as: UTF8.self), isPage: ContentType.essence(contentType) == "text/html"),
            code: nil)
    }

    /// The message of a text in any shape; nil for JSON that holds nothing for people.
    package static func line(in text: String, isPage: Bool) -> String? {
        guard let document = Array(text.utf8).withUnsafeBytes({ try? Value.json($0, options) }) else {
            return line(of: text, isPage: isPage)
        }
        return Self(document: document).text.flatMap(firstLine)
    }

    /// The title of a page, or the first line of a text.
    private static func line(of text: String, isPage: Bool) -> String? {
        guard isPage || text.drop(while: \.isWhitespace).first == "<" else { return firstLine(text) }
        let page = HTMLPage(text)
        return page.title ?? firstLine(page.text)
    }

    package init(text: String?, code: String?) {
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

extension Value {
    /// The first of the names whose value is there and not null.
    fileprivate func first(of names: String...) -> Value? {
        names.lazy.compactMap { self[$0] }.first { !$0.isNull }
    }

    /// A string, number or boolean as text.
    fileprivate var scalarText: String? {
        switch self {
        case .string(let text): text
        case .bytes(let bytes): String(decoding: bytes, as: UTF8.self)
        case .int, .double: asInt.map(String.init) ?? json()
        case .bool: json()
        case .null, .list, .object: nil
        }
    }
}

/// Reads what a client must know of a `Content-Type` (RFC 9110, section 8.3).
package enum ContentType {
    /// Whether the value names `text/event-stream`, whatever parameters follow (WHATWG HTML, section 9.2.2).
    package static func isEventStream(_ contentType: String?) -> Bool {
        essence(contentType) == "text/event-stream"
    }

    /// The type and subtype in lower case, without parameters.
    package static func essence(_ contentType: String?) -> String? {
        contentType?.prefix { $0 != ";" }.trimmed.lowercased()
    }
}
