import RunnelEngine
import Testing
import YAML

@testable import PipelineTesting

@Suite("Reports")
struct ReportTests {
    private static let place = YAMLRange(at: YAMLPosition(line: 4, column: 5))

    private static let report = PipelineTestReport(
        suites: [
            PipelineTestReport.Suite(
                file: "a.test.yaml", diagnostics: [], sources: [],
                results: [
                    PipelineTestResult(
                        file: "a.test.yaml", name: "good", range: place, duration: .milliseconds(12), mismatches: []),
                    PipelineTestResult(
                        file: "a.test.yaml", name: "bad <\u{7}>", range: place, duration: .milliseconds(1540),
                        mismatches: [
                            TestMismatch("output", place, "expected \"a\" & b, found \"\u{1B}[2J\"", hint: "look"),
                            TestMismatch("files.x", nil, "it is not as expected", detail: "--- expected\n-a\n+b"),
                        ]),
                ]),
            PipelineTestReport.Suite(
                file: "b.test.yaml",
                diagnostics: [
                    Diagnostic(PipelineErrorCode.unknownKey, file: "b.test.yaml", range: place, "no key \"x\"")
                ],
                sources: [], results: []),
        ], duration: .milliseconds(1600))

    @Test("for a person, each test has a line, and what is wrong stands below it")
    func text() {
        #expect(
            Self.report.text(color: false) == """
                a.test.yaml
                  ✓ good 12 ms
                  ✗ bad <\u{FFFD}> 1.5 s
                      output: expected "a" & b, found "\u{FFFD}[2J" (a.test.yaml:4)
                        = look
                      files.x: it is not as expected
                        --- expected
                        -a
                        +b
                b.test.yaml
                  b.test.yaml:4:5: error: no key "x" [unknown-key]

                1 passed, 1 failed, 1 file with errors in 1.6 s

                """)
        #expect(!Self.report.isSuccess)
    }

    @Test("on a terminal, what was expected is green and what was found red")
    func color() {
        let text = Self.report.text(color: true)
        #expect(text.contains("\u{1B}[32m✓\u{1B}[0m good \u{1B}[2m12 ms\u{1B}[0m"))
        #expect(text.contains("\u{1B}[32m-a\u{1B}[0m\n        \u{1B}[31m+b\u{1B}[0m"))
    }

    @Test("as JUnit XML it is well-formed, whatever the texts hold")
    func junit() {
        #expect(
            Self.report.junit() == """
                <?xml version="1.0" encoding="UTF-8"?>
                <testsuites tests="3" failures="1" errors="1" time="1.600">
                  <testsuite name="a.test.yaml" tests="2" failures="1" errors="0" time="1.552">
                    <testcase classname="a.test.yaml" name="good" file="a.test.yaml" line="4" time="0.012"/>
                    <testcase classname="a.test.yaml" name="bad &lt;\u{FFFD}&gt;" file="a.test.yaml" line="4" time="1.540">
                      <failure message="output: expected &quot;a&quot; &amp; b, found &quot;\u{FFFD}[2J&quot;" type="expectation">\
                output: expected "a" &amp; b, found "\u{FFFD}[2J"
                = look
                files.x: it is not as expected
                --- expected
                -a
                +b</failure>
                    </testcase>
                  </testsuite>
                  <testsuite name="b.test.yaml" tests="1" failures="0" errors="1" time="0.000">
                    <testcase classname="b.test.yaml" name="b.test.yaml" time="0">
                      <error message="no key &quot;x&quot;" type="invalid">b.test.yaml:4:5: error: no key "x" [unknown-key]</error>
                    </testcase>
                  </testsuite>
                </testsuites>

                """)
    }

    @Test("control characters, line breaks and quotes become something that XML knows")
    func xml() {
        #expect(XMLText.escaped("a\u{0}\u{B}\u{FFFE}<b>\r\n&") == "a\u{FFFD}\u{FFFD}\u{FFFD}&lt;b&gt;&#13;\n&amp;")
        #expect(XMLText.escaped(attribute: "\"\n\t") == "&quot;&#10;&#9;")
    }

    @Test("results come as they are ready, and stand in the report in the order of the file")
    func order() async throws {
        let names = (1...12).map { "test \($0)" }
        let tests = "tests:\n" + names.map { "  - { name: \($0) }\n" }.joined()
        let report = try await Workshop.report("steps: [ { uses: template, with: { text: x } } ]", tests)
        #expect(report.suites[0].results.map(\.name) == names)
    }

    @Test("a suite can be cut down to some of its tests")
    func filter() async throws {
        let tests = "tests: [ { name: one }, { name: two } ]"
        let names = try await withWorkshop { workshop in
            try workshop.suite("steps: [ { uses: template, with: { text: x } } ]", tests).filter { $0 == "two" }.names
        }
        #expect(names == ["two"])
    }
}
