"""The plugins of `examples/everyday` in a copy of that project, and the plugin `feed`.

    python3 Tests/ExamplePluginTests/test_plugins.py PATH-OF-RUNNEL
"""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples" / "everyday"
RUNNEL = ""


class PluginTests(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.project = pathlib.Path(folder.name) / "everyday"
        shutil.copytree(EXAMPLES, self.project, ignore=shutil.ignore_patterns(".runnel", "out", "__pycache__"))
        self.bin = pathlib.Path(folder.name) / "bin"
        self.bin.mkdir()
        (self.bin / "python3").symlink_to(sys.executable)

    def runnel(self, *arguments):
        return subprocess.run(
            [RUNNEL, *arguments], cwd=self.project, env={"HOME": str(self.bin), "PATH": str(self.bin)}, timeout=120,
            stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)

    def pdftotext(self, script):
        program = self.bin / "pdftotext"
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)

    def pdf(self, **given):
        """What the step pdf.text writes for `with`."""
        ended = subprocess.run(
            [sys.executable, self.project / "plugins/pdf/pdf.py"], input=json.dumps({"step": "text", "with": given}),
            env={"RUNNEL_PROJECT": str(self.project), "PATH": str(self.bin)}, timeout=60, capture_output=True, text=True,
            check=True)
        return json.loads(ended.stdout)

    def test_the_tool_of_the_mcp_server_is_a_step_once_it_was_asked(self):
        unasked = self.runnel("validate", "pipelines/ask-notes.yaml", "--simulate")
        self.assertEqual(unasked.returncode, 2, unasked.stderr)
        self.assertIn("`runnel plugins refresh notes` starts it and asks", unasked.stderr)
        self.assertEqual(self.runnel("plugins", "refresh", "notes").stdout, "notes  1 tool\n")
        asked = self.runnel("validate", "pipelines/ask-notes.yaml", "--simulate")
        self.assertEqual(asked.returncode, 0, asked.stderr)

    def test_a_question_is_answered_from_the_notes(self):
        ended = self.runnel(
            "run", "pipelines/ask-notes", "--simulate", "--input", "question=Who has the key of the archive?")
        self.assertEqual(ended.returncode, 0, ended.stderr)
        output = json.loads(ended.stdout)
        self.assertEqual(output["files"], ["office.md"])
        self.assertIn("The key of the archive is with Ada, room 12.", output["answer"])

    def test_a_question_in_japanese_is_answered_from_the_notes(self):
        (self.project / "notes" / "keiri.md").write_text(
            "請求書は経理の棚に入れます。\n\n会議室は三階にあります。\n", encoding="utf-8")
        for question, answer in [
            ("請求書はどこにありますか。", "請求書は経理の棚に入れます。"), ("会議室の場所は？", "会議室は三階にあります。"),
        ]:
            ended = self.runnel("run", "pipelines/ask-notes", "--simulate", "--input", f"question={question}")
            self.assertEqual(ended.returncode, 0, ended.stderr)
            output = json.loads(ended.stdout)
            self.assertEqual(output["files"], ["keiri.md"])
            self.assertIn(answer, output["answer"])

    def test_a_folder_of_notes_that_is_missing_is_named(self):
        shutil.rmtree(self.project / "notes")
        ended = self.runnel("run", "pipelines/ask-notes", "--simulate", "--input", "question=Who has the key?")
        self.assertEqual(ended.returncode, 1, ended.stderr)
        self.assertRegex(ended.stderr, 'the tool "search" of the plugin "notes" failed: the folder ".*/notes" is missing')

    def test_a_pdf_is_summed_up(self):
        self.pdftotext('read -r line <"$5"; test "$4 $line" = "20 %PDF-1.4" && echo "Ten hammers cost 100 euros."')
        (self.project / "offer.pdf").write_text("%PDF-1.4\n")
        ended = self.runnel("run", "pipelines/pdf-inbox", "--simulate", "--input", "file=offer.pdf")
        self.assertEqual(ended.returncode, 0, ended.stderr)
        self.assertIn("Ten hammers cost 100 euros.", ended.stdout)

    def test_a_missing_pdftotext_is_said_with_what_to_install(self):
        (self.project / "offer.pdf").write_text("%PDF-1.4")
        ended = self.runnel("run", "pipelines/pdf-inbox", "--simulate", "--input", "file=offer.pdf")
        self.assertEqual(ended.returncode, 1, ended.stderr)
        self.assertIn("error: the program pdftotext is missing [no-pdftotext]", ended.stderr)
        self.assertIn(
            "install it: apt-get install poppler-utils, dnf install poppler-utils or brew install poppler", ended.stderr)

    def test_what_cannot_be_read_is_said_with_the_reason(self):
        self.pdftotext('echo "Syntax Warning: May not be a PDF file" >&2; echo "Syntax Error: no trailer" >&2; exit 1')
        (self.project / "broken.pdf").write_text("text")
        (self.project / "out.pdf").symlink_to("/etc/passwd")
        for path, code, message in [
            ("broken.pdf", "bad-pdf", 'cannot read "broken.pdf": Syntax Error: no trailer'),
            ("none.pdf", "file-not-found", 'there is no file "none.pdf"'),
            ("out.pdf", "path-outside", '"out.pdf" leads out of the project'),
        ]:
            with self.subTest(path):
                report = self.pdf(path=path)
                self.assertEqual((report["code"], report["message"]), (code, message))

    def test_a_long_text_is_cut(self):
        self.pdftotext('test "$4" = 2 && printf "äöü"')
        (self.project / "long.pdf").write_text("%PDF-1.4")
        self.assertEqual(
            self.pdf(path="long.pdf", pages=2, max_length=2)["output"], {"text": "äö", "truncated": True})
        self.assertEqual(
            self.pdf(path="long.pdf", pages=2, max_length=3)["output"], {"text": "äöü", "truncated": False})


class FeedTests(unittest.TestCase):
    def entries(self, feed):
        ended = subprocess.run(
            [sys.executable, ROOT / "plugins/feed/feed.py"],
            input=json.dumps({"step": "parse", "with": {}, "input": feed}),
            env={"TZ": "Asia/Tokyo"}, timeout=60, capture_output=True, text=True, check=True)
        return json.loads(ended.stdout.splitlines()[-1])["output"]

    def rss(self, item):
        return self.entries(f'<rss version="2.0"><channel><item>{item}</item></channel></rss>')[0]

    def atom(self, entry):
        return self.entries(f'<feed xmlns="http://www.w3.org/2005/Atom"><entry>{entry}</entry></feed>')[0]

    def test_an_entry_of_rss(self):
        self.assertEqual(
            self.rss("""<title>Bits &amp;amp; &lt;b&gt;bytes&lt;/b&gt;, 1 &lt; 2 &gt; 0</title>
                <link>
                    https://example.com/a
                </link>
                <pubDate>Mon, 05 Jan 2026 09:00:00 +0900</pubDate>
                <description>Read <b>all</b> of it</description>"""),
            {"title": "Bits & bytes , 1 < 2 > 0", "link": "https://example.com/a", "id": "https://example.com/a",
             "published": "2026-01-05T00:00:00Z", "summary": "Read all of it"})

    def test_a_guid_that_is_the_address_of_the_page(self):
        self.assertEqual(self.rss("<guid>https://example.com/a</guid>")["link"], "https://example.com/a")
        self.assertIsNone(self.rss('<guid isPermaLink="false">https://example.com/a</guid>')["link"])

    def test_the_page_of_an_entry_of_atom(self):
        entry = self.atom("""<link type="text/html" href="../a" xml:base="https://example.com/b/c"/>
            <link type="application/json" href="https://example.com/a.json"/>""")
        self.assertEqual(entry["link"], "https://example.com/a")

    def test_an_entry_of_rss_1(self):
        names = ('xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/" '
                 'xmlns:dc="http://purl.org/dc/elements/1.1/"')
        item = ('<item rdf:about="https://example.com/a?b"><title>今日</title><link>https://example.com/a</link>'
                "<description>All &lt;b&gt;of&lt;/b&gt; it</description><dc:date>2026-01-05T09:00:00+09:00</dc:date></item>")
        self.assertEqual(
            self.entries(f'<rdf:RDF {names}><channel rdf:about="https://example.com/"/>{item}</rdf:RDF>'),
            [{"title": "今日", "link": "https://example.com/a", "id": "https://example.com/a?b",
              "published": "2026-01-05T09:00:00+09:00", "summary": "All of it"}])

    def test_scripts_styles_and_comments_of_html_are_no_text(self):
        html = "<STYLE>p{}</STYLE><p>Seen</p><script src='a'>evil(1 > 0)</script><!-- a > b --> again"
        self.assertEqual(self.rss(f"<description><![CDATA[{html}]]></description>")["summary"], "Seen again")
        # Text that is truncated inside a tag, and text that is crafted to make parsing slow.
        for end in ['<a href="https://exam', "<!--" * 100_000, "<script>" * 100_000, "<a" * 200_000]:
            with self.subTest(end[:8]):
                self.assertEqual(self.rss(f"<description><![CDATA[Seen {end}]]></description>")["summary"], "Seen")

    def test_what_is_missing_is_null(self):
        self.assertEqual(
            self.rss("<title/>"), {"title": None, "link": None, "id": None, "published": None, "summary": None})

    def test_dates(self):
        for date, published in [
            ("Mon, 05 Jan 2026 09:00:00", "2026-01-05T09:00:00Z"),
            ("Mon, 05 Jan 2026 09:00:00 -0000", "2026-01-05T09:00:00Z"),
            ("Mon, 05 Jan 2026 09:00:00 JST", "2026-01-05T00:00:00Z"),
            ("Mon, 05 Jan 2026 09:00:00 AEST", "Mon, 05 Jan 2026 09:00:00 AEST"),
            ("Fri, 31 Dec 9999 23:59:59 -0900", "Fri, 31 Dec 9999 23:59:59 -0900"),
            ("yesterday", "yesterday"),
        ]:
            with self.subTest(date):
                self.assertEqual(self.rss(f"<pubDate>{date}</pubDate>")["published"], published)

    def test_texts_of_atom_are_read_by_their_type(self):
        for type, written, title in [
            ("", "Vec&lt;T&gt; explained", "Vec<T> explained"),
            (' type="html"', "&lt;i&gt;Vec&lt;/i&gt; &amp;amp; T", "Vec & T"),
            (' type="xhtml"', '<div xmlns="http://www.w3.org/1999/xhtml">All <i>of</i> it</div>', "All of it"),
        ]:
            with self.subTest(type):
                entry = self.atom(f"<title{type}>{written}</title><content{type}>{written}</content>")
                self.assertEqual((entry["title"], entry["summary"]), (title, title))

    def test_an_entry_that_was_taken_over_keeps_its_link(self):
        entry = self.atom(
            '<link href="https://a.example/1"/><source><link href="https://a.example/"/></source><id> urn:1 </id>')
        self.assertEqual((entry["link"], entry["id"]), ("https://a.example/1", "urn:1"))


if __name__ == "__main__":
    RUNNEL = os.path.abspath(sys.argv.pop(1))
    unittest.main()
