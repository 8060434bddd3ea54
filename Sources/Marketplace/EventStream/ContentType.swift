internal import RunnelSupport

/// Reads the one thing the client must know of a `Content-Type`.
enum ContentType {
    /// Whether the value names `text/event-stream`, whatever parameters follow (WHATWG HTML, section 9.2.2).
    static func isEventStream(_ contentType: String?) -> Bool {
        essence(contentType) == "text/event-stream"
    }

    /// The type and subtype in lower case, without parameters.
    static func essence(_ contentType: String?) -> String? {
        contentType?.prefix { $0 != ";" }.trimmed.lowercased()
    }
}
