import RunnelCLI
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

    @Test("docs/reference holds what the declarations say")
    func pages() throws {
        var pages = try ReferencePages.all(try Project.registry(), codes: ErrorCodes.ofModules)
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
