import RunnelKit
import RunnelReference
import Testing

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// With `RUNNEL_WRITE_DOCS=1` the tests write `docs/reference` and the catalogue of errors instead of comparing them.
@Suite(.serialized) struct ReferencePagesTests {
    private static let folder = "docs/reference"
    private static let isWriting = ProcessInfo.processInfo.environment["RUNNEL_WRITE_DOCS"] == "1"
    private static let advice: Comment = "run the tests of the reference with RUNNEL_WRITE_DOCS=1"

    @Test("the catalogue holds the codes that the sources hold")
    func catalog() throws {
        let entries = try ErrorScan.entries()
        #expect(entries.count > 150)
        guard Self.isWriting else {
            #expect(Set(ErrorCatalog.all).symmetricDifference(entries) == [], Self.advice)
            return
        }
        let files = CatalogSource.files(entries)
        for old in try Project.files(in: CatalogSource.folder, suffix: ".swift") where files[old.fileName] == nil {
            try Project.remove(old)
        }
        for (name, text) in files {
            try Project.write(text, to: "\(CatalogSource.folder)/\(name)")
        }
    }

    @Test("docs/reference holds what the declarations say")
    func pages() throws {
        let pages = try ReferencePages.all(try Project.registry(), errors: try ErrorScan.entries())
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

extension String {
    fileprivate var fileName: String { split(separator: "/").last.map(String.init) ?? self }
}
