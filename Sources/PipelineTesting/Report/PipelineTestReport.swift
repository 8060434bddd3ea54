public import RunnelEngine
import RunnelKit
import RunnelSupport
public import YAML

/// How all tests went.
public struct PipelineTestReport: Sendable {
    /// The tests of one file.
    public struct Suite: Sendable {
        public let file: String
        /// What is to be said about the file and its pipeline. With errors, none of its tests ran.
        public let diagnostics: [Diagnostic]
        /// The files that ``diagnostics`` speak of.
        public let sources: [YAMLSource]
        /// In the order of the file.
        public let results: [PipelineTestResult]
    }

    public let suites: [Suite]
    /// From the first beginning to the last end, in real time.
    public let duration: Duration

    public var passed: Int { suites.reduce(0) { $0 + $1.results.count(where: \.isPassed) } }
    public var failed: Int { suites.reduce(0) { $0 + $1.results.count { !$0.isPassed } } }
    /// How many files could not be read.
    public var broken: Int { suites.count { $0.diagnostics.hasErrors } }
    public var isSuccess: Bool { failed == 0 && broken == 0 }
}

/// How one test went.
public struct PipelineTestResult: Sendable {
    /// The test file.
    public let file: String
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
        public var passed: Int
        public var count: Int
    }

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
        var lines = ["  \(mark) \(style.line(result.name))\(samples) \(style.dim(result.duration.shown))"]
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
        return "\(isSuccess ? style.green(text) : style.red(text)) \(style.dim("in \(duration.shown)"))"
    }

    private func indented(_ text: String, by count: Int) -> String {
        let margin = String(repeating: " ", count: count)
        return text.split(separator: "\n", omittingEmptySubsequences: false)
            .map { $0.isEmpty ? "" : margin + $0 }.joined(separator: "\n")
    }
}

extension Duration {
    /// As a person reads it: "12 ms", "1.5 s".
    fileprivate var shown: String {
        let milliseconds = Int64((self / .milliseconds(1)).rounded())
        guard milliseconds >= 1000 else { return "\(milliseconds) ms" }
        return "\(milliseconds / 1000).\(milliseconds % 1000 / 100) s"
    }
}
