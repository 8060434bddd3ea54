internal import RunnelHTTP
internal import RunnelKit

/// Takes a `multipart` body apart (RFC 2046, section 5.1).
struct MultipartReader {
    struct Part: Hashable {
        /// By lower-case name; of a repeated name the first.
        var headers: [String: String]
        var content: ArraySlice<UInt8>
    }

    static let maxParts = 100
    /// Bytes of header fields in one part.
    static let maxHeaders = 8 << 10

    private static let lineEnd: [UInt8] = [0x0D, 0x0A]

    private let bytes: [UInt8]
    /// A line break and what begins a boundary line.
    private let delimiter: [UInt8]
    private var index = 0

    private init(bytes: [UInt8], boundary: String) {
        self.bytes = bytes
        delimiter = Self.lineEnd + Array("--\(boundary)".utf8)
    }

    static func parts(of bytes: [UInt8], boundary: String) throws(BodyProblem) -> [Part] {
        guard (1...70).contains(boundary.utf8.count) else {
            throw .malformed("the boundary between the parts has to be 1 to 70 characters long")
        }
        var reader = MultipartReader(bytes: bytes, boundary: boundary)
        return try reader.parts()
    }

    private mutating func parts() throws(BodyProblem) -> [Part] {
        // The first boundary line has no line break before it where there is no preamble.
        var line = bytes.starts(with: delimiter.dropFirst(2)) ? lineBehind(0, delimiter.count - 2) : nil
        if line == nil { line = try nextBoundary().line }
        var parts: [Part] = []
        while case .part(let start) = line {
            guard parts.count < Self.maxParts else { throw .malformed("the body has more than \(Self.maxParts) parts") }
            index = start
            let headers = try headers()
            let contentStart = index
            // In a part without content the empty line behind its header may belong to the boundary.
            index = contentStart - 2
            let boundary = try nextBoundary()
            parts.append(Part(headers: headers, content: bytes[contentStart..<max(contentStart, boundary.start)]))
            line = boundary.line
        }
        return parts
    }

    /// What follows a boundary.
    private enum Line {
        /// Another part, which begins here.
        case part(Int)
        case end
    }

    /// Finds the next boundary line.
    private func nextBoundary() throws(BodyProblem) -> (start: Int, line: Line) {
        var start = index
        while let found = bytes[start...].firstIndex(of: 0x0D) {
            if bytes[found...].starts(with: delimiter), let line = lineBehind(found, delimiter.count) {
                return (found, line)
            }
            start = found + 1
        }
        throw .malformed("the body ends before its last boundary")
    }

    /// What a boundary line says that begins at `start`; nil where the line goes on with something else.
    private func lineBehind(_ start: Int, _ length: Int) -> Line? {
        let rest = bytes[(start + length)...]
        if rest.starts(with: "--".utf8) { return .end }
        let padding = rest.prefix { $0 == 0x20 || $0 == 0x09 }.count
        guard rest.dropFirst(padding).starts(with: Self.lineEnd) else { return nil }
        return .part(start + length + padding + 2)
    }

    /// Reads the header fields of a part and the empty line behind them.
    private mutating func headers() throws(BodyProblem) -> [String: String] {
        var headers: [String: String] = [:]
        var last: String?
        let start = index
        while true {
            guard let end = bytes[index...].firstIndex(of: 0x0D), bytes[end...].starts(with: Self.lineEnd) else {
                throw .malformed("the body ends in the header of a part")
            }
            guard end - start <= Self.maxHeaders else {
                throw .malformed("the header of a part is longer than \(ByteCount(Self.maxHeaders))")
            }
            let line = bytes[index..<end]
            index = end + 2
            if line.isEmpty { return headers }
            // A line that begins with white space continues the one before it (RFC 5322, section 2.2.3).
            if let last, line.first == 0x20 || line.first == 0x09 {
                headers[last]?.append(String(decoding: line, as: UTF8.self))
                continue
            }
            guard let colon = line.firstIndex(of: UInt8(ascii: ":")) else {
                throw .malformed("a header line of a part has no colon")
            }
            let name = String(decoding: line[..<colon], as: UTF8.self).lowercased()
            let value = String(decoding: line[colon...].dropFirst().drop { $0 == 0x20 || $0 == 0x09 }, as: UTF8.self)
            // The first field of a name counts. Without a name, the continuation lines of a repeated field are dropped.
            last = headers[name] == nil ? name : ""
            if headers[name] == nil { headers[name] = value }
        }
    }
}

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
            // Some clients send file names in the extended form, although RFC 7578, section 4.2, forbids it.
            pairs.append((unescaped(name), value(part, filename: disposition.text("filename").map(unescaped))))
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
            "filename": .string(lastComponent(filename)),
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
