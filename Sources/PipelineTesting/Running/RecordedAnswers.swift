import RunnelEngine
import RunnelKit
import YAML

/// What the agent answered to one step of a test, in the order of the calls.
struct RecordedAnswers: Sendable {
    let step: String
    let answers: [Value]

    /// Those of all steps that ask the agent.
    static func all(
        in outputs: ValueObject, of pipeline: Pipeline, agentSteps: Set<String>
    ) -> [RecordedAnswers] {
        pipeline.allSteps.filter { agentSteps.contains($0.uses) }.compactMap { step in
            guard let output = outputs[step.id] else { return nil }
            let answers = (output.asList ?? [output]).filter { $0["finish_reason"] != nil }
            return answers.isEmpty ? nil : RecordedAnswers(step: step.id, answers: answers)
        }
    }

    /// The lines of `chat:` in a test.
    static func lines(_ recorded: [RecordedAnswers], margin: String) -> [String] {
        ["\(margin)chat:"]
            + recorded.flatMap { step in
                ["\(margin)  \(step.step):"]
                    + step.answers.map { answer in
                        let json = answer["json"].flatMap { $0.isNull ? nil : $0 }
                        let text = json.map { "json: \($0.json())" } ?? "text: \((answer["text"] ?? "").json())"
                        return "\(margin)    - \(text)"
                    }
            }
    }
}

extension PipelineTestSuite {
    /// The test file with the answers that the agent gave instead of those that it holds.
    ///
    /// - Returns: The text, and the names of tests that are not written in block style and were left alone; nil if
    ///   nothing was answered.
    public func recorded(_ results: [PipelineTestResult]) -> (text: String, leftOut: [String])? {
        guard let source = sources.first else { return nil }
        var lines = source.text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        var leftOut: [String] = []
        var isChanged = false
        // From the end, so that the numbers of earlier lines stay.
        for test in cases.reversed() {
            guard let result = results.first(where: { $0.name == test.name }), !result.answers.isEmpty else { continue }
            guard let place = Self.place(of: test, in: lines) else {
                leftOut.insert(test.name, at: 0)
                continue
            }
            lines.replaceSubrange(place.lines, with: RecordedAnswers.lines(result.answers, margin: place.margin))
            isChanged = true
        }
        return isChanged || !leftOut.isEmpty ? (lines.joined(separator: "\n"), leftOut) : nil
    }

    /// The lines of `chat:` in the file, from 0; an empty range behind the name where there is none. nil if keys do not
    /// stand on lines of their own.
    private static func place(of test: PipelineTestCase, in lines: [String]) -> (lines: Range<Int>, margin: String)? {
        guard let pairs = test.mapping.pairs, let name = pairs.first(where: { $0.key.keyText == "name" }) else {
            return nil
        }
        let numbers = pairs.map(\.key.range.start.line)
        guard Set(numbers).count == numbers.count else { return nil }
        let margin = String(repeating: " ", count: max(0, name.key.range.start.column - 1))
        if let index = pairs.firstIndex(where: { $0.key.keyText == "chat" }) {
            let first = pairs[index].key.range.start.line - 1
            var end = first + 1
            // Up to the next line that is not further in than the key: another key, another test, or the end.
            while end < lines.count, lines[end].allSatisfy(\.isWhitespace) || lines[end].hasPrefix(margin + " ") {
                end += 1
            }
            while end > first + 1, lines[end - 1].allSatisfy(\.isWhitespace) { end -= 1 }
            // A key behind the dash of its item.
            guard lines[first].hasPrefix(margin), !lines[first].drop(while: { $0 == " " }).hasPrefix("-") else {
                return nil
            }
            return (first..<end, margin)
        }
        let behind = name.value.range.end.line
        guard
            pairs.allSatisfy({
                $0.key.range.start.line <= name.key.range.start.line || $0.key.range.start.line > behind
            })
        else { return nil }
        return (behind..<behind, margin)
    }
}
