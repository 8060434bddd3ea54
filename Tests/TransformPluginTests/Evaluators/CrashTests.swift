import Foundation
import RunnelKit
import RunnelTesting
import Testing

@testable import TransformPlugin

@Suite("What ends libjq ends one step") struct CrashTests {
    /// jq 1.7 has the function, and gives values where 1.6 aborts.
    static let isLaterJQ = (try? JQProgram("pick(.a)")) != nil

    static let slices: [(String, Value)] = [
        (".items[(.at | log | floor):]", ["items": [1, 2, 3], "at": -1]),
        (".[nan:1]", [1, 2, 3]), (".[nan:]", "abc"), ("\"abc\" | .[nan:1]", .null),
        ("del(.[nan:1])", [1, 2, 3]), (".[nan:1] = [1]", [1, 2, 3]), ("try .[nan:1] catch 1", [1, 2, 3]),
        ("getpath([{start: nan, end: 1}])", [1]), ("setpath([{start: nan, end: 1}]; [1])", [1]),
        ("delpaths([[{start: nan, end: 1}]])", [1, 2]), ("[paths] | .[nan:2]", [1, 2]),
        ("to_entries | .[nan:1]", ["a": 1]), ("path(.[nan:1])", [1]),
    ]

    @Test("a failed assertion in libjq is an error of the step, and the next one is served", arguments: slices)
    func assertions(program: String, input: Value) async throws {
        let later = Self.isLaterJQ
        do {
            _ = try await transform(["jq": .string(program)], input: input)
            #expect(later, "\(program) gave a value")
        } catch let error as StepError where !later {
            #expect(error.code == "jq-crashed")
            #expect(error.message == "the jq program crashed its evaluator (signal 6, SIGABRT)")
            #expect(
                error.hint
                    == "libjq crashed on this input; look for slices with nan as a bound and for deep nesting"
            )
            #expect(!error.isTransient)
        }
        #expect(try await transform(["jq": ".[0]"], input: [7]) == 7)
    }

    @Test("a stack that overflows is an error of the step")
    func stack() async throws {
        let deep = "reduce range(2900000) as $i (null; [.])"
        let program = "[\(deep), \(deep)] | . as [$a, $b] | $a | contains($b)"
        let error = try await transformError(["jq": .string(program), "timeout": "5m"])
        // A later libjq has a limit of its own, and a large frame may reach the limit of memory first.
        #expect(["jq-crashed", "jq-memory", "jq-error"].contains(error.code), "\(error)")
        #expect(!error.isTransient)
        #expect(try await transform(["jq": "."], input: 1) == 1)
    }

    @Test(
        "programs that nest as deep as 64 KiB allow are refused or compiled, and end nothing",
        arguments: [
            "(", "[", "{a:", "-", "def f: ", "1 as $x | ", "if 1 then ", "\"\\(", ".[0]", "try ", "..|",
            "reduce .[] as $x (",
        ])
    func deepPrograms(piece: String) async throws {
        let count = JQLimits.programSize / piece.utf8.count - 1
        _ = try? JQProgram(String(repeating: piece, count: count))
        #expect(try await transform(["jq": ". + 1"], input: 1) == 2)
    }

    @Test(
        "patterns and texts that exhaust a search are errors of the step",
        arguments: [
            ("(", "a", ")", 20_000, "a"), ("(?:a?", "", ")", 5_000, "aaaa"),
            ("", "(?<n>\\((?:[^()]|\\g<n>)*\\))", "", 1_000_000, "("), ("", "(.+)*(.+)*(.+)*\\1x", "", 20_000, "ab"),
        ])
    func patterns(opening: String, middle: String, closing: String, count: Int, text: String) async throws {
        let pattern =
            String(repeating: opening, count: count) + middle + String(repeating: closing, count: count)
        let input = Value.string(String(repeating: text, count: count))
        do {
            _ = try await transform(["regex": .string(pattern), "timeout": "2s"], input: input)
        } catch let error as StepError {
            let codes = ["bad-with", "regex-too-slow", "regex-timeout", "regex-error", "jq-crashed", "jq-memory"]
            #expect(codes.contains(error.code), "\(error)")
        }
        #expect(try await transform(["regex": "b"], input: "abc") == "b")
    }

    @Test(
        "each way to end without an answer has its words",
        arguments: [
            (.outOfTime, "jq-timeout", "the program took longer than its time limit of 2s", false),
            (.outOfMemory, "jq-memory", "the program needs more than 768MiB of memory", false),
            (.crashed(signal: 11), "jq-crashed", "the jq program crashed its evaluator (signal 11, SIGSEGV)", false),
            (.crashed(signal: 31), "jq-crashed", "the jq program crashed its evaluator (signal 31)", false),
            (.unreadable, "jq-crashed", "the jq program corrupted its evaluator's answer", false),
            (.killed(signal: 9), "jq-killed", "the process that evaluates jq was killed (signal 9, SIGKILL)", true),
            (.ended(status: 127), "jq-killed", "the process that evaluates jq ended with exit status 127", true),
            (.stalled(.seconds(261)), "jq-stalled", "the process that evaluates jq did not answer for 4m21s", true),
            (
                .unavailable(errno: 11), "jq-unavailable",
                "no process could be started to evaluate jq: Resource temporarily unavailable", true
            ),
        ] as [(EvaluatorFailure, String, String, Bool)])
    func words(failure: EvaluatorFailure, code: String, message: String, isTransient: Bool) {
        let error = JQMessage.stepError(failure, limit: .seconds(2))
        #expect(error.code == code)
        #expect(error.message == message)
        #expect(error.isTransient == isTransient)
    }

    @Test("a program that ends the evaluator while it is compiled is a wrong program")
    func compiling() {
        let error = JQMessage.compileError(.crashed(signal: 6))
        #expect(
            error.message
                == "the jq program cannot be compiled: the jq program crashed its evaluator (signal 6, SIGABRT)"
        )
    }
}
