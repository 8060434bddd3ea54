import RunnelKit

/// What was read.
struct FileContent {
    let shown: String
    let bytes: [UInt8]
    /// Nanoseconds since 1970.
    let modified: Int64

    /// The file in facts: name, size, time.
    var facts: ValueObject {
        let name = shown.split(separator: "/").last.map(String.init) ?? shown
        let dot = name.dropFirst().lastIndex(of: ".")
        return [
            "path": .string(shown), "name": .string(name), "stem": .string(dot.map { String(name[..<$0]) } ?? name),
            "extension": .string(dot.map { String(name[name.index(after: $0)...]).lowercased() } ?? ""),
            "size": .int(Int64(bytes.count)), "modified": .string(Timestamp.text(nanoseconds: modified)),
        ]
    }

    /// The content as text, without a byte order mark.
    func text() throws(StepError) -> String {
        let start = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0
        if let text = String(validating: bytes[start...], as: UTF8.self) { return text }
        throw StepError(
            "not-utf8", "\"\(shown)\" is not UTF-8 text: byte \(firstInvalidByte) is invalid",
            hint: "read it with `as: bytes`, or convert it to UTF-8 first")
    }

    /// Where the text stops being UTF-8, from 0.
    private var firstInvalidByte: Int {
        var decoder = UTF8()
        var iterator = bytes.makeIterator()
        var offset = 0
        while case .scalarValue(let scalar) = decoder.decode(&iterator) { offset += UTF8.width(scalar) }
        return offset
    }
}
