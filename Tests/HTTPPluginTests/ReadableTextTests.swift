import RunnelHTTP
import Testing

@Suite("Readable text of a page") struct ReadableTextTests {
    private func text(_ html: String) -> String { ReadableText(html: html).text }

    @Test("a page gives its title and its lines, without scripts, styles and comments")
    func page() {
        let page = ReadableText(
            html: """
                <!DOCTYPE html><html><head><title> News &amp; more
                 today </title><style>p > a { color: red }</style><script>if (a < b) { "</p>" }</script></head>
                <body><!-- <p>hidden</p> --><h1>Title</h1><p>First   line,
                wrapped.<br>Second.</p><ul><li>one</li><li><p>two</p></li></ul>
                <table><tr><th>a</th><th>b</th></tr><tr><td>1</td><td>2</td></tr></table>
                <div>end</div></body></html>
                """)
        #expect(page.title == "News & more today")
        #expect(page.text == "Title\n\nFirst line, wrapped.\nSecond.\n\n- one\n- two\n\na | b\n1 | 2\n\nend")
    }

    @Test(
        "entities become characters, and what is none stays",
        arguments: [
            ("&lt;b&gt; &amp;amp; &quot;&apos;", "<b> &amp; \"'"), ("&#8364;&#x20AC;&#X20ac;&euro;", "€€€€"),
            ("a&nbsp;b&#160;c", "a b c"), ("&#128;&#0;&#xD800;&#x110000;", "€\u{FFFD}\u{FFFD}\u{FFFD}"),
            ("&copy 2026 AT&T &unknown; &", "© 2026 AT&T &unknown; &"),
            ("&Uuml;ber &hellip; &rarr; &hearts; &diams;", "Über … → ♥ ♦"),
            ("&amp", "&"), ("&#;&#x;", "&#;&#x;"), ("&notit;", "&notit;"),
        ])
    func entities(html: String, text: String) {
        #expect(self.text(html) == text)
    }

    @Test(
        "broken markup loses nothing that a browser would show",
        arguments: [
            ("a < b and c > d", "a < b and c > d"), ("<p>one<p>two", "one\n\ntwo"), ("x</", "x</"), ("<", "<"),
            ("a<", "a<"),
            (#"<a title="a > b">link</a>"#, "link"), (#"<a title='"' x>link</a>"#, "link"),
            (#"<p it's>a</p>b"#, "a\n\nb"),
            ("<script>never closed", ""), ("<svg><text>no</text><svg></svg></svg>yes", "yes"),
            ("<SCRIPT>a</ScRiPt>b", "b"), ("<script>a</scripty>b</script>c", "c"), ("<b>bold</b>ly", "boldly"),
            ("<p></p><p></p>a<br><br><br>b", "a\n\nb"), ("<li></li><li>x", "- x"), ("&lt;script&gt;", "<script>"),
            ("a<!-->b-->c", "ac"), ("日本<br>語", "日本\n語"),
        ])
    func broken(html: String, text: String) {
        #expect(self.text(html) == text)
    }

    @Test("preformatted text keeps its lines and spaces")
    func preformatted() {
        #expect(text("<p>a</p><pre>x\n  y\n\n    z</pre><p>b  c</p>") == "a\n\nx\n  y\n\n    z\n\nb c")
    }

    @Test(
        "the time grows with the length and with nothing else",
        .timeLimit(.minutes(1)),
        arguments: [
            "<", "<a ", "&", "&#", "<!--", "<script>", "<a \"", "<svg>", "<li>", "</", "<title>", "<pre>\n", "<td>",
            "&nbsp",
        ])
    func linear(piece: String) {
        // Half a megabyte: anything quadratic would take minutes.
        let page = ReadableText(html: String(repeating: piece, count: 500_000 / piece.utf8.count))
        #expect(page.text.utf8.count <= 1_000_000)
    }
}
