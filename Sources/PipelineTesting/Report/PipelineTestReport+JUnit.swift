import RunnelEngine
import YAML

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
