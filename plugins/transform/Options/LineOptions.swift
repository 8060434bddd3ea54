import RunnelKit

/// How a text is cut into lines.
struct LineOptions: FieldGroup {
    @Field("Take white space off both ends of each line.") var trim: Bool = false
    @Field("Leave empty lines out.") var skipEmpty: Bool = false

    /// The lines of `text`, which end with LF, CRLF or CR. The last one may go without.
    func lines(of text: String) -> [Substring] {
        var lines = text.split(omittingEmptySubsequences: false) { $0 == "\n" || $0 == "\r\n" || $0 == "\r" }
        if lines.last?.isEmpty == true { lines.removeLast() }
        if trim { lines = lines.map(\.trimmed) }
        if skipEmpty { lines.removeAll(where: \.isEmpty) }
        return lines
    }
}

extension Substring {
    fileprivate var trimmed: Substring {
        var text = drop { $0.isWhitespace }
        while text.last?.isWhitespace == true { text.removeLast() }
        return text
    }
}
