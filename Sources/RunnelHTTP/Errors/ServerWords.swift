internal import RunnelKit
internal import RunnelSupport

/// What a server says about a failure in the body of its answer.
public enum ServerWords {
    private static let limit = 200

    /// One line to be quoted in an error; nil where the body holds nothing for people.
    ///
    /// - Parameter redact: masks secrets. It sees the whole text, before a cut could split a secret.
    public static func line(of reply: HTTPReply, redact: (String) -> String) -> String? {
        let body = Array(reply.body.prefix(65_536))
        guard !body.isEmpty, reply.contentEncoding == nil else { return nil }
        let charset = reply.mediaType?.charset
        let isWideText = charset?.hasPrefix("utf-16") == true
        guard isWideText || !body.contains(0), let text = try? TextDecoding.decode(body, charset: charset) else {
            return nil
        }
        let words: String?
        if let document = try? Value.json(text, maxDepth: 32) {
            words = sentence(in: document)
        } else if reply.mediaType?.isHTML == true || text.drop(while: \.isWhitespace).first == "<" {
            let page = HTMLPage(text)
            words = page.title ?? page.text
        } else {
            words = text
        }
        let line = words?.split(whereSeparator: \.isNewline).lazy
            .map { $0.split(whereSeparator: \.isWhitespace).joined(separator: " ") }.first { !$0.isEmpty }
        return line.map { Value.string(redact($0)).quoted(limit: limit) }
    }

    /// The message in the shapes that APIs use: `{error: {message}}`, `{error, error_description}`, RFC 9457's
    /// `{title, detail}`, `{errors: [{message}]}`, `{message}`.
    private static func sentence(in document: Value) -> String? {
        switch document {
        case .string(let text): return text
        case .list(let items): return items.first.flatMap(sentence)
        case .object(let object):
            let names = ["error_description", "message", "detail", "error", "errors", "title", "reason", "msg"]
            return names.lazy.compactMap { object[$0].flatMap(sentence) }.first
        default: return nil
        }
    }
}
