import RunnelKit
import Testing

@testable import JSONSchema

@Suite("The official suite of older drafts")
struct OlderDraftsTests {
    /// Cases that are known to fail, exactly: they refer to the metaschemas of these drafts, which are not at hand.
    static let knownFailures: Set<String> = [
        "draft7: definitions: validate definition against metaschema: valid definition schema",
        "draft7: definitions: validate definition against metaschema: invalid definition schema",
        "draft7: ref: remote ref, containing refs itself: remote ref valid",
        "draft7: ref: remote ref, containing refs itself: remote ref invalid",
        "draft2019-09: defs: validate definition against metaschema: valid definition schema",
        "draft2019-09: defs: validate definition against metaschema: invalid definition schema",
        "draft2019-09: ref: remote ref, containing refs itself: remote ref valid",
        "draft2019-09: ref: remote ref, containing refs itself: remote ref invalid",
    ]

    @Test(
        "every required case of draft 7 and 2019-09 comes out as the suite says",
        arguments: [
            ("draft7", "http://json-schema.org/draft-07/schema#"),
            ("draft2019-09", "https://json-schema.org/draft/2019-09/schema"),
        ])
    func requiredCases(draft: String, dialect: String) throws {
        let suite = try SuiteFile(draft)
        var failures: Set<String> = []
        var total = 0
        for file in suite.files.keys {
            for outcome in suite.run(file, schema: dialect) {
                total += 1
                guard !outcome.isAsExpected else { continue }
                failures.insert("\(draft): \(outcome.name)")
                if !Self.knownFailures.contains("\(draft): \(outcome.name)") {
                    Issue.record("\(outcome.name)\n  \(outcome.found)")
                }
            }
        }
        print("\(draft): \(total - failures.count) of \(total) required cases")
        #expect(failures == Self.knownFailures.filter { $0.hasPrefix("\(draft): ") })
    }
}
