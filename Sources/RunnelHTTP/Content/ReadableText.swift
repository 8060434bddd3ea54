internal import RunnelSupport

/// What a person reads of an HTML page: its title and its text, line by line, without markup, scripts and styles.
///
/// Paragraphs and headings stand behind an empty line, list items behind "- ", cells of a table behind " | ". The time
/// grows with the length of the page and with nothing else.
public struct ReadableText: Sendable, Hashable {
    /// The page's `<title>`; nil where there is none or it is empty.
    public let title: String?
    /// The text, in paragraphs.
    public let text: String

    /// Reads a page.
    public init(html: String) {
        let page = HTMLPage(html)
        title = page.title
        text = page.text
    }
}
