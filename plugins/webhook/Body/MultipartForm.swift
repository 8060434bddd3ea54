internal import RunnelHTTP
internal import RunnelKit

/// Reads `multipart/form-data` (RFC 7578): fields, and files as `{filename, media_type, size, text | bytes}`.
enum MultipartForm {
    /// The values of a name that stands there repeatedly are a list.
    static func read(
        _ bytes: [UInt8], boundary: String, _ style: FormStyle = .flat
    ) throws(BodyProblem) -> ValueObject {
        var pairs: [(String, Value)] = []
        for (index, part) in try MultipartReader.parts(of: bytes, boundary: boundary).enumerated() {
            let disposition = HeaderParameters(part.headers["content-disposition"] ?? "")
            guard disposition.value == "form-data", let name = disposition.values["name"] else {
                throw .malformed("part \(index + 1) of the form has no name")
            }
            let encoding = part.headers["content-transfer-encoding"]?.lowercased() ?? "binary"
            guard ["7bit", "8bit", "binary"].contains(encoding) else {
                // RFC 7578, section 4.7, wants none to be sent.
                throw .malformed("part \(index + 1) of the form is encoded, which forms are not")
            }
            pairs.append((unescaped(name), value(part, filename: disposition.values["filename"])))
        }
        return .gathering(pairs, style)
    }

    private static func value(_ part: MultipartReader.Part, filename: String?) -> Value {
        let declared = part.headers["content-type"]
        let type = declared.flatMap(MediaType.init)
        let isText = type.map { $0.isText || $0.isJSON } ?? (filename == nil)
        let content = isText ? text(part.content, charset: type?.charset).map(Value.string) : nil
        guard let filename else { return content ?? .bytes(Array(part.content)) }
        var file: ValueObject = [
            "filename": .string(lastComponent(unescaped(filename))),
            "media_type": .string(type?.essence ?? "application/octet-stream"),
            "size": .int(Int64(part.content.count)),
        ]
        if let content { file["text"] = content } else { file["bytes"] = .bytes(Array(part.content)) }
        return .object(file)
    }

    /// Nil where the bytes are not text after all.
    private static func text(_ bytes: ArraySlice<UInt8>, charset: String?) -> String? {
        guard let charset, charset != "utf-8", charset != "utf8" else {
            return String(validating: bytes, as: UTF8.self)
        }
        return try? TextDecoding.decode(Array(bytes), charset: charset)
    }

    /// Browsers write these three as escapes in a name (WHATWG HTML, "multipart/form-data encoding algorithm").
    private static func unescaped(_ name: String) -> String {
        name.replacing("%22", with: "\"").replacing("%0D", with: "\r").replacing("%0A", with: "\n")
    }

    /// A file's name without folders, which say nothing here (RFC 7578, section 4.2).
    private static func lastComponent(_ name: String) -> String {
        name.split(whereSeparator: { $0 == "/" || $0 == "\\" }).last.map(String.init) ?? ""
    }
}
