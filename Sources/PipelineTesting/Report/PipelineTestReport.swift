public import RunnelEngine
import RunnelKit
import RunnelSupport
public import YAML

/// How all tests went.
public struct PipelineTestReport: Sendable {
    /// The tests of one file.
    public struct Suite: Sendable {
        /// The test file.
        public let file: String
        /// What is to be said about the file and its pipeline. With errors, none of its tests ran.
        public let diagnostics: [Diagnostic]
        /// The files that ``diagnostics`` speak of.
        public let sources: [YAMLSource]
        /// In the order of the file.
        public let results: [PipelineTestResult]
    }

    /// One for each test file.
    public let suites: [Suite]
    /// From the first beginning to the last end, in real time.
    public let duration: Duration

    /// How many tests passed.
    public var passed: Int { suites.reduce(0) { $0 + $1.results.count(where: \.isPassed) } }
    /// How many tests failed.
    public var failed: Int { suites.reduce(0) { $0 + $1.results.count { !$0.isPassed } } }
    /// How many files could not be read.
    public var broken: Int { suites.count { $0.diagnostics.hasErrors } }
    /// Whether all tests passed and all files could be read.
    public var isSuccess: Bool { failed == 0 && broken == 0 }
}

/// How one test went.
public struct PipelineTestResult: Sendable {
    /// The test file.
    public let file: String
    /// The name of the test.
    public let name: String
    /// Where the test's name stands in the file.
    public let range: YAMLRange
    /// In real time.
    public let duration: Duration
    /// Empty for a test that passed.
    public let mismatches: [TestMismatch]
    /// With the real agent: how many of the runs passed.
    public var samples: Samples?
    /// With the real agent: what it answered.
    var answers: [RecordedAnswers] = []

    /// The runs of a test with the real agent.
    public struct Samples: Sendable, Hashable {
        /// How many passed.
        public var passed: Int
        /// How many there were.
        public var count: Int
    }

    /// Whether nothing differs from what the test expects.
    public var isPassed: Bool { mismatches.isEmpty }
}

extension PipelineTestReport {
    /// The report for a person, with a line break at the end.
    ///
    /// - Parameter color: Whether it goes to a terminal that shows colours.
    public func text(color: Bool) -> String {
        let style = TextStyle(hasColor: color)
        var lines: [String] = []
        for suite in suites where !(suite.results.isEmpty && suite.diagnostics.isEmpty) {
            lines.append(style.bold(style.line(suite.file)))
            if !suite.diagnostics.isEmpty {
                let printer = DiagnosticPrinter(sources: suite.sources)
                lines.append(indented(style.safe(printer.text(suite.diagnostics)), by: 2))
            }
            for result in suite.results { lines += self.lines(result, style) }
        }
        lines += ["", summary(style), ""]
        return lines.joined(separator: "\n")
    }

    private func lines(_ result: PipelineTestResult, _ style: TextStyle) -> [String] {
        let mark = result.isPassed ? style.green("✓") : style.red("✗")
        let samples = result.samples.map { " \($0.passed) of \($0.count)" } ?? ""
        var lines = [
            "  \(mark) \(style.line(result.name))\(samples) \(style.dim(DurationText.measured(result.duration)))"
        ]
        for mismatch in result.mismatches {
            let place = mismatch.range.map { " (\(result.file):\($0.start.line))" } ?? ""
            let subject = mismatch.subject == "test" ? "" : "\(mismatch.subject): "
            lines.append("      \(style.safe(subject + mismatch.message))\(style.dim(style.safe(place)))")
            if let detail = mismatch.detail {
                lines.append(indented(style.difference(style.safe(detail)), by: 8))
            }
            if let hint = mismatch.hint { lines.append("        = \(style.safe(hint))") }
        }
        return lines
    }

    private func summary(_ style: TextStyle) -> String {
        var parts = ["\(passed) passed"]
        if failed > 0 { parts.append("\(failed) failed") }
        if broken > 0 { parts.append("\(broken) \(broken == 1 ? "file" : "files") with errors") }
        let text = parts.joined(separator: ", ")
        return
            "\(isSuccess ? style.green(text) : style.red(text)) \(style.dim("in \(DurationText.measured(duration))"))"
    }

    private func indented(_ text: String, by count: Int) -> String {
        let margin = String(repeating: " ", count: count)
        return text.split(separator: "\n", omittingEmptySubsequences: false)
            .map { $0.isEmpty ? "" : margin + $0 }.joined(separator: "\n")
    }
}

extension PipelineTestReport {
    /// The report as JUnit XML, as build servers read it: one `testsuite` for each file. A file with errors is a test
    /// case with an `error`.
    public func junit() -> String {
        var xml = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
        xml += "<testsuites\(counts(suites))\(attribute("time", Self.seconds(duration)))>\n"
        for suite in suites {
            let time = suite.results.reduce(Duration.zero) { $0 + $1.duration }
            xml += "  <testsuite\(attribute("name", suite.file))\(counts([suite]))"
            xml += "\(attribute("time", Self.seconds(time)))>\n"
            if suite.diagnostics.hasErrors { xml += problem(of: suite) }
            for result in suite.results { xml += testCase(result) }
            xml += "  </testsuite>\n"
        }
        return xml + "</testsuites>\n"
    }

    private func counts(_ suites: [Suite]) -> String {
        let broken = suites.count { $0.diagnostics.hasErrors }
        let results = suites.flatMap(\.results)
        return attribute("tests", "\(results.count + broken)")
            + attribute("failures", "\(results.count { !$0.isPassed })") + attribute("errors", "\(broken)")
    }

    private func problem(of suite: Suite) -> String {
        let text = DiagnosticPrinter(sources: suite.sources).text(suite.diagnostics)
        let message = suite.diagnostics.first { $0.severity == .error }?.message ?? ""
        return """
                <testcase\(attribute("classname", suite.file))\(attribute("name", suite.file)) time="0">
                  <error\(attribute("message", message)) type="invalid">\(XMLText.escaped(text))</error>
                </testcase>

            """
    }

    private func testCase(_ result: PipelineTestResult) -> String {
        let start =
            "    <testcase\(attribute("classname", result.file))\(attribute("name", result.name))"
            + attribute("file", result.file) + attribute("line", "\(result.range.start.line)")
            + attribute("time", Self.seconds(result.duration))
        guard let first = result.mismatches.first else { return start + "/>\n" }
        let text = result.mismatches.map(\.plainText).joined(separator: "\n")
        return """
            \(start)>
                  <failure\(attribute("message", first.headline)) type="expectation">\(XMLText.escaped(text))</failure>
                </testcase>

            """
    }

    private func attribute(_ name: String, _ value: String) -> String {
        " \(name)=\"\(XMLText.escaped(attribute: value))\""
    }

    /// With three digits behind the point.
    private static func seconds(_ duration: Duration) -> String {
        let milliseconds = max(0, Int64((duration / .milliseconds(1)).rounded()))
        let digits = String(milliseconds % 1000)
        return "\(milliseconds / 1000)." + String(repeating: "0", count: 3 - digits.count) + digits
    }
}

extension TestMismatch {
    /// One line.
    public var headline: String { subject == "test" ? message : "\(subject): \(message)" }

    /// Everything that is to be said, without colours.
    public var plainText: String {
        ([headline] + [detail, hint.map { "= \($0)" }].compactMap(\.self)).joined(separator: "\n")
    }
}

/// Text in XML 1.0.
enum XMLText {
    /// As the content of an element.
    static func escaped(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            // A reader would take it for a line feed.
            case "\r": result += "&#13;"
            default: result.unicodeScalars.append(isAllowed(scalar) ? scalar : "\u{FFFD}")
            }
        }
        return result
    }

    /// As the value of an attribute in double quotes.
    static func escaped(attribute text: String) -> String {
        var result = ""
        for character in escaped(text).unicodeScalars {
            switch character {
            case "\"": result += "&quot;"
            case "\n": result += "&#10;"
            case "\t": result += "&#9;"
            default: result.unicodeScalars.append(character)
            }
        }
        return result
    }

    /// The characters that XML knows (XML 1.0, section 2.2).
    private static func isAllowed(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x09, 0x0A, 0x0D, 0x20...0xD7FF, 0xE000...0xFFFD, 0x10000...0x10FFFF: true
        default: false
        }
    }
}
