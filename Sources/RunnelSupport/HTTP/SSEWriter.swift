/// Writes server-sent events (WHATWG HTML, section 9.2.5), as ``SSEParser`` reads them.
public enum SSEWriter {
    /// An event with the empty line that ends it.
    ///
    /// - Parameters:
    ///   - name: The event's type, in one line; nil for `message`.
    ///   - id: What a reconnecting client sends in `Last-Event-ID`.
    ///   - retry: The reconnection time, in milliseconds.
    ///   - data: JSON or another text. Its lines end in LF, CRLF or CR, and arrive with LF.
    public static func event(
        _ name: String? = nil, id: Int? = nil, retry: Int? = nil, data: String
    ) -> String {
        var text = ""
        if let id { text += "id: \(id)\n" }
        if let retry { text += "retry: \(retry)\n" }
        if let name { text += "event: \(name)\n" }
        guard data.utf8.contains(where: { $0 == 0x0A || $0 == 0x0D }) else { return text + "data: \(data)\n\n" }
        return text + data.lineContents.map { "data: \($0)\n" }.joined() + "\n"
    }

    /// A comment, which readers skip, but which keeps the connection open.
    public static func comment(_ text: String) -> String { ": \(text)\n\n" }
}
