import RunnelReference
import Testing

@Suite("The reference of plugins that are programs") struct PluginPagesTests {
    private static func pages() throws -> [String: String] {
        var pages = ["README.md": "# Reference\n\n- [Steps](steps.md)\n"]
        ReferencePages.add(try ShippedPrograms.all(), to: &pages)
        return pages
    }

    @Test("has every step and trigger of the folders that ship")
    func names() throws {
        let page = try #require(try Self.pages()["plugins.md"])
        let headings = page.split(separator: "\n").filter { $0.hasPrefix("#") }.map(String.init)
        #expect(
            headings == [
                "# Plugins that ship as programs", "## Plugin disk", "### disk.usage", "## Plugin feed",
                "### feed.parse", "## Plugin imap", "### imap", "## Plugin mail", "### mail.send", "## Plugin mqtt",
                "### mqtt",
            ])
        #expect(page.contains("- [`mail`](#plugin-mail): Sends mail over SMTP.\n"))
        #expect(!page.contains("\n\n\n"))
    }

    @Test("shows inputs, outputs, payloads, settings and examples")
    func content() throws {
        let page = try #require(try Self.pages()["plugins.md"])
        for line in [
            "| `subject` | string | required | The subject. |",
            "**Output.** An object with `message_id` and `recipients`, the list of all addresses.",
            "| `mailbox` | string | `INBOX` | The mailbox. |",
            "| `trigger.topic` | The topic. |",
            "Settings, as `plugins: { mqtt: { … } }` in `runnel.yaml`:",
            "| `host` | string | The broker. |",
            "- uses: mail.send",
            "    host: mail.example.com",
            "It has no keys.",
        ] {
            #expect(page.split(separator: "\n").contains(Substring(line)), "\(line)")
        }
    }

    @Test("stands in the table of contents")
    func contents() throws {
        #expect(
            try Self.pages()["README.md"] == """
                # Reference

                - [Steps](steps.md)
                - [Plugins that ship as programs](plugins.md): their steps, triggers and settings

                """)
    }
}
