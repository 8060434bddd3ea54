import RunnelCLI
import RunnelEngine
import RunnelKit
import RunnelReference
import Testing

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// With `RUNNEL_WRITE_DOCS=1` the tests write `docs/reference` instead of comparing it.
@Suite(.serialized) struct ReferencePagesTests {
    private static let folder = "docs/reference"
    private static let isWriting = ProcessInfo.processInfo.environment["RUNNEL_WRITE_DOCS"] == "1"
    private static let advice: Comment = "run the tests of the reference with RUNNEL_WRITE_DOCS=1"

    @Test("every code is declared where errors are made, with an explanation")
    func catalog() throws {
        let catalog = ErrorCatalog(try Project.registry().plugins, others: ErrorCodes.ofModules)
        #expect(catalog.entries.count > 200)
        for entry in catalog.entries {
            #expect(!(entry.explanation.messages + entry.explanation.hints).isEmpty, "\(entry.code)")
            #expect(entry.code.wholeMatch(of: /[a-z][a-z0-9]*(-[a-z0-9]+)*/) != nil, "\(entry.code)")
        }
    }

    @Test("no error is made with a code in quotes, which no list would hold")
    func quotedCodes() throws {
        for file in try ["Sources", "plugins"].flatMap({ try Project.files(in: $0, suffix: ".swift") }) {
            let found = try Project.text(file).matches(of: /\breported: "([a-z-]+)"/).map { String($0.output.1) }
            #expect(found == [], "\(file): declare it in an ErrorCode")
        }
    }

    @Test("chat lists the codes of the client that it calls")
    func chatCodes() throws {
        let source = try Project.text("Sources/Marketplace/Errors/MarketplaceError.swift")
        let codes = source.matches(of: /= Code\("([a-z-]+)"\)/).map { String($0.output.1) }
        #expect(codes.count > 20)
        let listed = ErrorCatalog(try Project.registry().plugins).entries.filter { $0.part == "chat" }.map(\.code)
        #expect(Set(codes).subtracting(listed) == [])
    }

    @Test("every key of a run event is explained, and every kind has an example that is read back")
    func events() throws {
        let page = try #require(try ReferencePages.all(try Project.registry())["events.md"])
        let rows = page.split(separator: "\n").filter { $0.hasPrefix("| `") }
        #expect(rows.count > 40)
        #expect(rows.filter { $0.hasSuffix("|  |") } == [])
        var names: Set<RunEvent.Name> = []
        for line in page.split(separator: "\n") where line.hasPrefix("{") {
            let event = try #require(RunEvent(json: try Value.json(String(line))))
            names.insert(event.name)
        }
        #expect(names == Set(RunEvent.Name.allCases))
    }

    @Test("every operation of the REST API says which scope it needs, its parameters and its answers")
    func operations() throws {
        let page = try #require(try ProgramReference.pages()["rest.md"])
        let sections = page.components(separatedBy: "\n### ").dropFirst()
        func section(_ title: String) throws -> String {
            try #require(sections.first { $0.hasPrefix(title + "\n") }, "\(title)")
        }
        #expect(try section("GET /api/v1/runs").contains("Runs, the newest first. Scope: `read`.\n"))
        #expect(try section("POST /api/v1/pipelines/{name}/runs").contains("Start a run. Scope: `run`.\n"))
        #expect(try section("GET /api/v1/audit").contains("Scope: `admin`.\n"))
        #expect(try section("GET /health/live").contains("Needs no token.\n"))
        #expect(
            try section("POST /api/v1/pipelines/{name}/runs").contains(
                "**Body.** [Start](#start); it may be missing.\n"))
        #expect(
            try section("GET /api/v1/runs/{id}/events").contains(
                "| `200` | [run events](events.md) | Server-sent events until the run has ended. |\n"))
        #expect(try section("GET /api/v1/runs").contains("| `200` | list of [Run](#run) | As asked. |\n"))
        #expect(try section("RunWithSteps").contains("The keys of [Run](#run), and:\n"))
        for part in sections {
            let title = part.prefix { $0 != "\n" }
            guard title.contains(" /") else { continue }
            #expect(part.contains("Scope: `") || part.contains("Needs no token."), "\(title)")
            #expect(part.contains("\n| answer | "), "\(title)")
        }
    }

    @Test("every command has its usage, its options and its examples")
    func commands() throws {
        let page = try #require(try ProgramReference.pages()["cli.md"])
        for line in [
            "- [`runnel runs list`](#runnel-runs-list): ", "## runnel runs list\n",
            "Without a subcommand it does what `runnel runs list` does.\n",
            "| `--limit <limit>`, `-n <limit>` | `50` | ", "| `--follow`, `-f` |  | ", "| `<pipeline>` | required | ",
            "- `runnel runs watch last`<br>Follows the newest run until its end.\n",
            "    schedule  Runs on a schedule.\n",
            "| `130` | Interrupted. |\n",
        ] { #expect(page.contains(line), "\(line)") }
    }

    @Test("docs/reference holds what the declarations say")
    func pages() throws {
        let own = try ReferencePages.all(try Project.registry(), codes: ErrorCodes.ofModules)
        var pages = own.merging(try ProgramReference.pages()) { $1 }
        ReferencePages.add(try ShippedPrograms.all(), to: &pages)
        for (name, text) in pages.sorted(by: { $0.key < $1.key }) {
            if Self.isWriting {
                try Project.write(text, to: "\(Self.folder)/\(name)")
            } else {
                #expect(try Project.text("\(Self.folder)/\(name)") == text, Self.advice)
            }
        }
        let files = try Project.files(in: Self.folder, suffix: "").map { String($0.dropFirst(Self.folder.count + 1)) }
        #expect(Set(files) == Set(pages.keys), Self.advice)
    }
}
