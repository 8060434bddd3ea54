import RunnelKit
import RunnelTesting
import TestSupport
import Testing

@testable import TransformPlugin

@Suite("What ends the process in libjq 1.6 is harmless") struct SafetyTests {
    @Test(
        "functions that read out of bounds, fail an assertion or never end do their work",
        arguments: [
            ("[match(\"\"; \"g\")]", "aé日本", []),
            ("[scan(\"x*\")]", "éxx日x", ["xx", "x"]),
            ("[scan(\"(.)x\")]", "éxx日x", [["é"], ["日"]]),
            ("[splits(\"é\")]", "aébéc", ["a", "b", "c"]),
            ("split(\", *\"; null)", "a, b,c", ["a", "b", "c"]),
            ("[capture(\"(?<l>[a-z])\"; \"g\")]", "aéx", [["l": "a"], ["l": "x"]]),
            ("gsub(\"(?<c>[aé])\"; \"<\\(.c)>\")", "aé日a", "<a><é>日<a>"),
            ("gsub(\"B\"; \"x\"; \"i\")", "abcb", "axcx"),
            ("gsub(\"q\"; \"x\")", "abc", "abc"),
            ("sub(\"b\"; \"x\")", "abcb", "axcb"),
            ("sub(\"b\"; \"x\"; \"g\")", "abcb", "axcx"),
            ("test(\"É\"; \"i\")", "é", true),
            ("indices(\"\")", "abc", .null),
            ("[index(\"b\"), rindex(\"b\"), indices(\"b\")]", "abcb", [1, 3, [1, 3]]),
            ("explode | implode", "aé🦆", "aé🦆"),
            ("tonumber", "12.5", 12.5),
            ("fromjson", "[nan, 1]", [.null, 1]),
            ("fromjson", "{\"nan\": \"nan\"}", ["nan": "nan"]),
            ("todate", 0, "1970-01-01T00:00:00Z"),
            ("strftime(\"%Y\")", 86_400_000, "1972"),
            ("strptime(\"%Y\") | strftime(\"%Y\")", "1972", "1972"),
            ("[(7, -7) % (3, -1)]", .null, [1, -1, 0, 0]),
            (".[1] = 9", [1, 2], [1, 9]),
            (".[] += 1", [1, 2], [2, 3]),
            (".[0] |= empty", [1, 2], [2]),
            (".a.b //= 1", .null, ["a": ["b": 1]]),
            ("[tostream] | fromstream(.[])", ["a": [1, 2]], ["a": [1, 2]]),
            ("[label $f | 1, break $f, 2], (try error(null) catch \"caught\")", .null, [[1], "caught"]),
            ("nan as $n | [$n | truncate_stream([[0], 1])]", .null, [[[0], 1]]),
        ] as [(String, Value, Value)])
    func works(program: String, input: Value, output: Value) async throws {
        #expect(try await transform(["jq": .string(program)], input: input) == output)
    }

    @Test(
        "what cannot be done is an error of the program",
        arguments: [
            ("nan | todate", "jq: error converting number of seconds since epoch to datetime"),
            ("0 | strftime(1)", "jq: strftime/1 requires a string format"),
            ("0 | strflocaltime(1)", "jq: strflocaltime/1 requires a string format"),
            ("[1114112] | implode", "jq: implode input must be an array of Unicode code points"),
            ("[nan] | implode", "jq: implode input must be an array of Unicode code points"),
            ("\"nan\" | tonumber", "jq: \"nan\" cannot be parsed as a number"),
            (
                "\"a\" | gsub(\"\"; \"x\")",
                "jq: gsub: the pattern \"\" matches an empty text; jq 1.6 cannot replace that"
            ),
            (".[1e9] = 1", "jq: a list cannot have more than 10000000 elements here"),
            (".a[1e9] |= 1", "jq: a list cannot have more than 10000000 elements here"),
            ("setpath([\"a\", 1e9]; 1)", "jq: a list cannot have more than 10000000 elements here"),
            ("fromstream([[1e9], 1])", "jq: a list cannot have more than 10000000 elements here"),
            ("_match_impl(\"\"; \"g\"; false)", "jq: `_match_impl` is not available"),
            ("_input", "jq: `input` is not available: a program has one input, `.`"),
        ])
    func errors(program: String, message: String) async throws {
        let error = try await transformError(["jq": .string(program)])
        #expect(error.code == "jq-error")
        #expect(error.message == message)
    }

    @Test("values nested millions of levels deep are freed without exhausting the stack")
    func deepNesting() async throws {
        let program = "reduce range(1000000) as $i (null; [.]) | [., .] | (.[0] == .[1]), (tojson | length > 0)"
        #expect(try await transform(["jq": .string(program), "timeout": "1m"]) == [true, true])
    }

    @Test(
        "a program that collects without end is given up before it has all memory",
        arguments: ["def f: 1 + f; f", "reduce range(40) as $i (\"x\"; . + .) | length"])
    func growth(program: String) async throws {
        // Long, so that it cannot be the time limit.
        let error = try await transformError(["jq": .string(program), "timeout": "5m"])
        // On a fast machine jq's own limit of a text comes first.
        let ends = ["the program needs more than 768MiB of memory", "jq: String too long"]
        #expect(ends.contains(error.message), "\(error.message)")
    }

    @Test("1,000 evaluations of several programs at once, some of which fail, each come to their own result")
    func stress() async throws {
        var generator = SeededGenerator(seed: 20_261_123)
        let jobs = (0..<1000).map { _ in
            (kind: Int.random(in: 0..<4, using: &generator), number: Int64.random(in: 0..<1000, using: &generator))
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for job in jobs {
                group.addTask {
                    let input: Value = ["n": .int(job.number), "text": "n\(job.number)é"]
                    switch job.kind {
                    case 0: #expect(try await transform(["jq": ".n * 2"], input: input) == .int(job.number * 2))
                    case 1:
                        let output = try await transform(
                            ["jq": "[range(.n % 50)] | map(tostring) | join(\",\")"], input: input)
                        #expect(output == .string((0..<job.number % 50).map(String.init).joined(separator: ",")))
                    case 2:
                        let output = try await transform(
                            ["regex": ["pattern": "\\d+"], "from": input["text"] ?? .null])
                        #expect(output == .string("\(job.number)"))
                    default:
                        let error = try await transformError(["jq": "error(\"no \\(.n)\")"], input: input)
                        #expect(error.message == "jq: no \(job.number)")
                    }
                }
            }
            try await group.waitForAll()
        }
    }

    @Test("evaluations that are cancelled at any moment leave their program usable")
    func cancelledAnywhere() async throws {
        var generator = SeededGenerator(seed: 7)
        for _ in 0..<200 {
            let spins = Int.random(in: 0..<2000, using: &generator)
            let task = Task { try await transform(["jq": "[range(300)] | add"]) }
            for _ in 0..<spins { await Task.yield() }
            task.cancel()
            if let output = try? await task.value { #expect(output == 44_850) }
        }
        #expect(try await transform(["jq": "[range(300)] | add"]) == 44_850)
    }
}
