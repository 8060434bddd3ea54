import HTTPTestServer
import RunnelHTTP
import RunnelKit
import RunnelTesting
import Testing
import TransformPlugin

@testable import HTTPPlugin

@Suite("Readable text of a page") struct ReadableTextTests {
    private func page(_ html: String, mainOnly: Bool = false) async throws -> ReadableText {
        let harness = StepHarness()
        await TransformPlugin().registerServices(in: harness.services)
        return try await harness.context.readableText(of: html, mainOnly: mainOnly)
    }

    private func text(_ html: String) async throws -> String { try await page(html).text }

    @Test("a page gives its title and its lines, without scripts, styles and comments")
    func page() async throws {
        let page = try await page(
            """
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
            ("&amp", "&"), ("&#;&#x;", "&#;&#x;"), ("&notit;", "¬it;"),
        ])
    func entities(html: String, text: String) async throws {
        #expect(try await self.text(html) == text)
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
            ("a<!-->b-->c", "ab-->c"), ("日本<br>語", "日本\n語"),
        ])
    func broken(html: String, text: String) async throws {
        #expect(try await self.text(html) == text)
    }

    @Test("preformatted text keeps its lines and spaces")
    func preformatted() async throws {
        #expect(try await text("<p>a</p><pre>x\n  y\n\n    z</pre><p>b  c</p>") == "a\n\nx\n  y\n\n    z\n\nb c")
    }

    @Test(
        "an element that is closed by itself, or never, keeps nothing of the page away",
        arguments: [
            ("<p>Before</p><svg class=i/><p>After one</p><p>After two</p>", "Before\n\nAfter one\n\nAfter two"),
            ("<p>Before</p><svg><path><p>After the break</p>", "Before\n\nAfter the break"),
            ("a<math><mi>x</mi><p>b", "a\n\nb"), ("<object>no</object>yes", "yes"), ("<p>a<video>b</p>c", "a\n\nc"),
            ("<table><p>out</p><tr><td>in</td></tr></table>", "out\n\nin"),
            ("<div><p>a<div>b</div></p>c</div>", "a\n\nb\n\nc"),
        ])
    func unclosed(html: String, text: String) async throws {
        #expect(try await self.text(html) == text)
    }

    @Test(
        "hidden text is left out",
        arguments: [
            ("<p hidden>x</p>seen", "seen"), ("<p style='color: red; Display : none'>x</p>seen", "seen"),
            ("<span style=\"display:none!important\">x</span>seen", "seen"), ("<p aria-hidden=true>x</p>seen", "seen"),
            ("<p style='visibility:hidden'>x<b>y</b></p>seen", "seen"), ("<p style=font-size:0>x</p>seen", "seen"),
            ("<p style='display:block' aria-hidden=false>a</p>b", "a\n\nb"),
            ("<form hidden>x</form>seen", "seen"), ("<body style='visibility:hidden'>a", "a"),
            ("<div hidden=until-found>x<p>y</p></div>seen", "seen"),
            ("<div style='position:absolute; left: -9999px'>x</div>seen", "seen"),
            ("<p style='text-indent:-999em'>x</p>seen", "seen"),
            ("<p style='top:-10000.5px !important'>x</p>seen", "seen"),
            ("<p style='left:-20px; margin-left: 9999px'>a</p>b", "a\n\nb"),
            ("<p style='left:-100%'>a</p>b", "a\n\nb"),
            ("<span style='clip: rect(0 0 0 0)'>x</span>seen", "seen"),
            ("<span style='clip:rect(0px, 0px, 0px, 0px)'>x</span>seen", "seen"),
            ("<span style='clip:rect(1px,1px,1px,1px)'>x</span>seen", "seen"),
            ("<span style='clip-path: inset(50%)'>x</span>seen", "seen"),
            ("<p style='clip:rect(0,100px,100px,0)'>a</p>b", "a\n\nb"),
            ("<dialog>x<p>y</p></dialog>seen", "seen"), ("<dialog open>a</dialog>b", "a\n\nb"),
        ])
    func hidden(html: String, text: String) async throws {
        #expect(try await self.text(html) == text)
    }

    @Test("the main text is what stands out, without what is around it; a page without one is read whole")
    func main() async throws {
        let sentence = "The committee met on Monday, heard both sides, and decided to publish its findings in spring. "
        let story = String(repeating: sentence, count: 3)
        let html = """
            <title>News</title><body><nav><a href=/>Home</a> <a href=/b>Business</a></nav>
            <div class="sidebar"><p>\(sentence)</p><p>\(sentence)</p></div>
            <div id=content><h1>Findings</h1><p>\(story)</p><div class=share-buttons>Share this, please, with all of your friends</div>
            <p>\(story)</p><form>Subscribe to our letter</form></div>
            <ul><li><a href=/1>Another story about something entirely else, with a long title</a></li></ul>
            <footer>Imprint</footer>
            """
        let page = try await page(html, mainOnly: true)
        let trimmed = story.dropLast()
        #expect(page.text == "Findings\n\n\(trimmed)\n\n\(trimmed)")
        #expect(page.title == "News")
        #expect(try await text(html).contains("Imprint"))
        #expect(try await self.page("<p>Short", mainOnly: true).text == "Short")
        let japanese = String(repeating: "委員会は月曜日に開かれ、双方の意見を聞き、春に結果を公表することを決めた。", count: 4)
        #expect(
            try await self.page("<nav>目次</nav><div><p>\(japanese)</p></div>", mainOnly: true).text == japanese)
    }

    @Test("`as: article` gives the main text of a page")
    func article() async throws {
        let story = String(repeating: "One sentence, with a comma, and enough words to count as a text. ", count: 5)
        try await TestServer.run { _ in
            .reply(200, [("content-type", "text/html")], "<nav>Menu</nav><article><p>\(story)</p></article>")
        } body: { server in
            let output = try await fetch(["url": .string(server.url), "as": "article"])
            #expect(output["body"] == .string(String(story.dropLast())))
        }
    }

    @Test(
        "a hostile page is read, or refused within its limits",
        .timeLimit(.minutes(5)),
        arguments: [
            "<", "<a ", "&", "&#", "<!--", "<script>", "<a \"", "<svg>", "<li>", "</", "<title>", "<pre>\n", "<td>",
            "&nbsp", "<div>", "<b><p>", "<table>",
        ])
    func hostile(piece: String) async throws {
        do {
            let page = try await page(String(repeating: piece, count: 500_000 / piece.utf8.count))
            #expect(page.text.utf8.count <= 1_000_000)
        } catch let error as StepError {
            #expect(error.code == "html-too-complex")
            #expect(error.message == "the page cannot be parsed: parsing the page took more than 5s of CPU time")
        }
    }
}
