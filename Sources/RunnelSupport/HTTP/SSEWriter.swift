/// Writes server-sent events (WHATWG HTML, section 9.2.5), as ``SSEParser`` reads them.
public enum SSEWriter {
    /// An event with the empty line that ends it.
    ///
    /// - Parameters:
    ///   - name: The event's type, in one line; nil for `message`.
    ///   - id: What a reconnecting client sends in `Last-Event-ID`.
    ///   - retry: The reconnection time, in milliseconds.
    ///   - data: JSON or another text. Its lines end in LF.
    public static func event(
        _ name: String? = nil, id: Int? = nil, retry: Int? = nil, data: String
    ) -> String {
        var text = ""
        if let id { text += "id: \(id)\n" }
        if let retry { text += "retry: \(retry)\n" }
        if let name { text += "event: \(name)\n" }
        return text + "data: " + data.replacing("\n", with: "\ndata: ") + "\n\n"
    }

    /// A comment, which readers skip, but which keeps the connection open.
    public static func comment(_ text: String) -> String { ": \(text)\n\n" }
}
