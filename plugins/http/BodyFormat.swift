internal import RunnelHTTP
internal import RunnelKit

/// How a response body is decoded.
enum BodyFormat: String, FieldChoice {
    case auto, text, json, bytes, readable, article

    /// The value of the `Accept` header.
    var accept: String {
        switch self {
        case .json: "application/json, */*;q=0.5"
        case .readable, .article: "text/html, application/xhtml+xml, text/plain;q=0.9, */*;q=0.5"
        default: "*/*"
        }
    }

    /// The decoded body, and the title of a page converted to readable text.
    /// - Parameter encoding: The encoding of the text, whatever the server says.
    func read(
        _ reply: HTTPReply, of call: HTTPCall, encoding: TextEncoding?, _ context: StepContext
    ) async throws -> (body: Value, title: String?) {
        let type = reply.mediaType
        func text() throws(StepError) -> String { try self.text(of: reply, call, encoding) }
        switch self {
        case .bytes: return (.bytes(reply.body), nil)
        case .text: return (.string(try text()), nil)
        case .json: return (try json(reply, call, encoding), nil)
        case .readable, .article:
            let text = try text()
            let isPage = type.map(\.isHTML) ?? (text.drop(while: \.isWhitespace).first == "<")
            guard isPage else { return (.string(text), nil) }
            let page = try await context.readableText(of: text, mainOnly: self == .article)
            return (.string(page.text), page.title)
        case .auto:
            if let type {
                if type.isJSON { return (try json(reply, call, encoding), nil) }
                return type.isText || encoding != nil ? (.string(try text()), nil) : (.bytes(reply.body), nil)
            }
            // Without a content type it is text if it decodes as text.
            if encoding != nil { return (.string(try text()), nil) }
            if reply.contentEncoding != nil { return (.bytes(reply.body), nil) }
            return (String(validating: reply.body, as: UTF8.self).map(Value.string) ?? .bytes(reply.body), nil)
        }
    }

    private func text(
        of reply: HTTPReply, _ call: HTTPCall, _ encoding: TextEncoding?
    ) throws(StepError) -> String {
        let type = reply.mediaType
        if let coding = reply.contentEncoding {
            throw StepError(
                HTTPErrorCode.compressedAnswer,
                "the answer to \(call.shown) is compressed (\(coding)), which cannot be decompressed here",
                hint: "use `as: bytes` for the raw bytes, or send the header `accept-encoding: identity`")
        }
        var charset = encoding?.name ?? type?.charset
        if charset == nil, type?.isHTML == true { charset = TextDecoding.declaredCharset(inHTML: reply.body) }
        if charset == nil, type?.isXML == true { charset = TextDecoding.declaredCharset(inXML: reply.body) }
        do {
            return try TextDecoding.decode(reply.body, charset: charset)
        } catch {
            throw StepError(
                HTTPErrorCode.unknownCharset,
                "the answer to \(call.shown) is in \(Value.string(error.name).quoted()), which is not supported",
                hint: "name its real encoding with `encoding`, or use `as: bytes` for the raw bytes")
        }
    }

    private func json(
        _ reply: HTTPReply, _ call: HTTPCall, _ encoding: TextEncoding?
    ) throws(StepError) -> Value {
        guard !reply.body.isEmpty else { return .null }
        let text = try text(of: reply, call, encoding)
        do {
            return try Value.json(text)
        } catch {
            let type = reply.mediaType.map { " (\($0.essence))" } ?? ""
            throw StepError(
                HTTPErrorCode.notJSON, "the answer to \(call.shown)\(type) is not JSON: \(error)",
                hint: "use `as: text` to get the text")
        }
    }
}

/// Statuses that count as success: one number, or a list.
struct StatusCodes: FieldValue {
    let codes: [Int]

    static var schema: Value {
        let code: Value = ["type": "integer", "minimum": 100, "maximum": 599]
        return ["anyOf": [code, ["type": "array", "items": code, "minItems": 1]]]
    }

    init(field value: Value) throws(FieldError) {
        guard let items = value.asList else {
            codes = [try Self.code(value)]
            return
        }
        guard !items.isEmpty else { throw .expected("at least one status", found: value) }
        var codes: [Int] = []
        for (index, item) in items.enumerated() {
            do {
                codes.append(try Self.code(item))
            } catch {
                throw error.under(.index(index))
            }
        }
        self.codes = codes
    }

    private static func code(_ value: Value) throws(FieldError) -> Int {
        guard let whole = value.asInt, (100...599).contains(whole) else {
            throw .expected("an HTTP status such as 200, or a list of them", found: value)
        }
        return Int(whole)
    }
}

/// The body of an answer on its way to a file of the project.
struct Download: Sendable {
    private let path: ConfinedPath
    private let draft: FileDraft?

    init(_ path: ProjectPath, _ context: StepContext) throws(StepError) {
        self.path = try context.project.confinedFile(path.text)
        draft = try context.project.draft(of: self.path, runID: context.identity.runID)
    }

    /// - Parameter isExpected: Whether an answer counts as success. The body of another is read for its words.
    func sink(_ isExpected: @escaping @Sendable (HTTPReply) -> Bool) -> HTTPBodySink {
        HTTPBodySink(where: isExpected) { [draft] in try draft?.write($0) }
    }

    /// Gives the file its name.
    func finish(_ reply: HTTPReply, _ context: StepContext) throws -> (path: Value, bytes: Value) {
        if !reply.body.isEmpty { try draft?.write(reply.body) }
        _ = try context.writing(path.text) { try draft?.finish(checkOwnership: context.checkOwnership) }
        return (.string(path.text), .int(Int64(draft?.byteCount ?? 0)))
    }
}
