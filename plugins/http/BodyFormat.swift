internal import RunnelHTTP
internal import RunnelKit

/// How an answer's body becomes a value.
enum BodyFormat: String, FieldChoice {
    case auto, text, json, bytes, readable

    /// What a server is asked to send.
    var accept: String {
        switch self {
        case .json: "application/json, */*;q=0.5"
        case .readable: "text/html, application/xhtml+xml, text/plain;q=0.9, */*;q=0.5"
        default: "*/*"
        }
    }

    /// The body, and the title of a page that was made readable.
    func read(_ reply: HTTPReply, of call: HTTPCall) throws(StepError) -> (body: Value, title: String?) {
        let type = reply.mediaType
        switch self {
        case .bytes: return (.bytes(reply.body), nil)
        case .text: return (.string(try text(reply, call)), nil)
        case .json: return (try json(reply, call), nil)
        case .readable:
            let text = try text(reply, call)
            let isPage = type.map(\.isHTML) ?? (text.drop(while: \.isWhitespace).first == "<")
            guard isPage else { return (.string(text), nil) }
            let page = ReadableText(html: text)
            return (.string(page.text), page.title)
        case .auto:
            if let type {
                if type.isJSON { return (reply.body.isEmpty ? .null : try json(reply, call), nil) }
                return type.isText ? (.string(try text(reply, call)), nil) : (.bytes(reply.body), nil)
            }
            // Nothing says what it is: text if it can be text.
            if reply.contentEncoding != nil { return (.bytes(reply.body), nil) }
            return (String(validating: reply.body, as: UTF8.self).map(Value.string) ?? .bytes(reply.body), nil)
        }
    }

    private func text(_ reply: HTTPReply, _ call: HTTPCall) throws(StepError) -> String {
        let type = reply.mediaType
        if let encoding = reply.contentEncoding {
            throw StepError(
                "compressed-answer",
                "the answer to \(call.shown) is compressed (\(encoding)), which was not asked for",
                hint: "`as: bytes` takes it as it is")
        }
        var charset = type?.charset
        if charset == nil, type?.isHTML == true { charset = TextDecoding.declaredCharset(inHTML: reply.body) }
        do {
            return try TextDecoding.decode(reply.body, charset: charset)
        } catch {
            throw StepError(
                "unknown-charset",
                "the answer to \(call.shown) is in \(Value.string(error.name).quoted()), which cannot be read here",
                hint: "`as: bytes` takes it as it is; UTF-8, UTF-16, Latin-1 and Windows-1252 can be read")
        }
    }

    private func json(_ reply: HTTPReply, _ call: HTTPCall) throws(StepError) -> Value {
        let text = try text(reply, call)
        do {
            return try Value.json(text)
        } catch {
            let type = reply.mediaType.map { " (\($0.essence))" } ?? ""
            throw StepError(
                "not-json", "the answer to \(call.shown)\(type) is not JSON: \(error)",
                hint: "`as: text` takes it as it is")
        }
    }
}
