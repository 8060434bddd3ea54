import RunnelKit
import Templates
import TestSupport
import Testing

@Suite("Random expressions") struct RandomExpressionTests {
    @Test("an expression of the grammar is read, and computed or refused in words")
    func grammar() {
        let seed = UInt64.random(in: 0...UInt64.max)
        var source = Source(generator: SeededGenerator(seed: seed))
        for _ in 0..<3000 {
            let text = "{{ \(source.expression(depth: 4)) }}"
            let (template, issues) = Template.parse(text)
            #expect(issues.isEmpty, "seed \(seed): \(text)")
            let isAllEvaluated = [" if ", "and", "or", "&&", "??", "default", " is "].allSatisfy { !text.contains($0) }
            if isAllEvaluated, !template.certainFailures.isEmpty {
                #expect(throws: TemplateFailure.self, "seed \(seed): \(text)") { try template.render(sample) }
            }
            do throws(TemplateFailure) {
                let value = try template.render(sample)
                if case .double(let number) = value { #expect(number.isFinite, "seed \(seed): \(text)") }
            } catch {
                #expect(
                    !error.message.isEmpty && error.utf8Range.upperBound <= text.utf8.count, "seed \(seed): \(text)")
                #expect(!error.utf8Range.isEmpty, "seed \(seed): \(text)")
            }
        }
    }
}

private struct Source {
    var generator: SeededGenerator

    mutating func pick(_ choices: [String]) -> String {
        choices[Int.random(in: 0..<choices.count, using: &generator)]
    }

    private mutating func inner(_ depth: Int) -> String { expression(depth: depth - 1) }

    mutating func expression(depth: Int) -> String {
        guard depth > 0 else {
            return pick([
                "input", "count", "nothing", "empty", "tags", "rows", "gone", "1", "-0.5", "'a'", "true", "null", "big",
            ])
        }
        let filters = [
            "upper", "length", "first", "sort", "tojson", "int", "float", "round(1)", "abs", "truncate(3)", "min",
            "sum",
            "slice(-2)", "default(1)", "join", "unique", "keys", "date('%j')", "indent(1)", "dedent", "lines",
            "fromjson",
        ]
        switch Int.random(in: 0..<9, using: &generator) {
        case 0: return "(\(inner(depth))) | " + pick(filters)
        case 1: return "[\(inner(depth)), \(inner(depth))]"
        case 2: return #"{"k": \#(inner(depth))}.k"#
        case 3: return "not (\(inner(depth)))"
        case 4: return "(\(inner(depth)) if \(inner(depth)) else \(inner(depth)))"
        case 5: return "(\(inner(depth)))[\(inner(depth))]"
        case 6: return "(\(inner(depth))) is " + pick(["defined", "empty", "not defined"])
        case 7: return "range(\(pick(["3", "0, 9, 2", "5, 0, -1", "0, big, big"])))"
        default:
            let operators = [
                "+", "-", "*", "/", "%", "~", "==", "!=", "<", "<=", "in", "not in", "and", "or", "&&", "??",
            ]
            return "(\(inner(depth))) \(pick(operators)) (\(inner(depth)))"
        }
    }
}
