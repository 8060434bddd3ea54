/// A file of the project as it was read.
public struct ProjectFile: Sendable {
    /// Relative to the project; absolute for a file that was named on the command line.
    public let path: String
    /// The content.
    public let bytes: [UInt8]
    /// When it was written last: nanoseconds since 1970.
    public let modified: Int64

    /// What is known of the file beside its content: `path`, `name`, `stem`, `extension` (in lower case, without its
    /// dot), `size` in bytes, and `modified` as RFC 3339.
    public var facts: ValueObject {
        let name = path.split(separator: "/").last.map(String.init) ?? path
        let dot = name.dropFirst().lastIndex(of: ".")
        return [
            "path": .string(path), "name": .string(name), "stem": .string(dot.map { String(name[..<$0]) } ?? name),
            "extension": .string(dot.map { String(name[name.index(after: $0)...]).lowercased() } ?? ""),
            "size": .int(Int64(bytes.count)), "modified": .string(Timestamp.text(nanoseconds: modified)),
        ]
    }

    /// The content as text, without a byte order mark.
    ///
    /// - Throws: A ``StepError`` with the code `not-utf8`.
    public func text() throws(StepError) -> String {
        let start = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0
        if let text = String(validating: bytes[start...], as: UTF8.self) { return text }
        throw StepError(
            "not-utf8", "\"\(path)\" is not UTF-8 text: byte \(firstInvalidByte) is invalid",
            hint: "read it with `as: bytes`, or convert it to UTF-8 first")
    }

    /// The offset of the first invalid UTF-8 byte, from 0.
    private var firstInvalidByte: Int {
        var decoder = UTF8()
        var iterator = bytes.makeIterator()
        var offset = 0
        while case .scalarValue(let scalar) = decoder.decode(&iterator) { offset += UTF8.width(scalar) }
        return offset
    }
}
