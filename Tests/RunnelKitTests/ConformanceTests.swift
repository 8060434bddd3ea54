import RunnelKit
import RunnelTesting
import Synchronization
import Testing

private struct Good: Step {
    static let name = "test.good"
    static let summary = "Does nothing, well."
    static let documentation = StepDocumentation(output: "The text.")
    @Field("A text.") var text: String
    @Field("How often.") var times: Int = 1
    func run(_ context: StepContext) async throws -> Value {
        try Task.checkCancellation()
        await context.report(.note("on it"))
        return .string(text)
    }
}

/// Breaks every promise.
private struct Bad: Step {
    /// Takes numbers, and says that it takes words.
    struct Lax: FieldValue {
        static var schema: Value { ["type": "string", "minLength": 3] }
        init(field value: Value) throws(FieldError) {
            if value.asList != nil { throw FieldError("no list") }
        }
        var fieldDefault: Value? { nil }
    }

    static let name = "Test Bad"
    static let summary = "does nothing"
    static let documentation = StepDocumentation(output: "")
    static let nameHints = [NameHint("write `key: …`", for: ["key", "token"])]
    @Field("") var lax: Lax?
    @Field("A key.") var key: String = ""

    func run(_ context: StepContext) async throws -> Value {
        await context.report(.note("using \(key.dropLast(2))…"))
        let clock = ContinuousClock()
        let end = clock.now + .milliseconds(300)
        while clock.now < end { await Task.yield() }
        if Task.isCancelled { throw StepError(reported: "failed", "the key \(key.uppercased()) did not work") }
        return .null
    }
}

/// Gives something else than it says.
private struct Liar: Step {
    static let name = "test.liar"
    static let summary = "Says what it does not do."
    static let documentation = StepDocumentation(output: "An object with `text`.")
    static let outputSchema: Value? = OutputSchema.object(["text": ["type": "string"]])
    @Field("A text.") var text: String = "a"
    func run(_ context: StepContext) async throws -> Value {
        try Task.checkCancellation()
        return ["txt": .string(text)]
    }
}

@Suite("What every step promises") struct ConformanceTests {
    @Test("an output that does not fit its schema is a finding")
    func output() async {
        let findings = await StepConformance(Liar.self).findings()
        #expect(findings.map(\.promise) == [.output])
        #expect(findings.first?.message.hasPrefix("the output does not fit its schema: ") == true)
    }

    @Test("a step that keeps all promises has no findings")
    func good() async {
        let effects = Mutex(0)
        let findings = await StepConformance(Good.self, with: ["text": "a secret!"], secrets: ["a secret!"])
            .findings { .int(Int64(effects.withLock { $0 })) }
        #expect(findings == [])
    }

    @Test("every promise that breaks is a finding of its own")
    func bad() async {
        let effects = Mutex<Int64>(0)
        let findings = await StepConformance(
            Bad.self, with: ["key": "s3cr3t-key"], secrets: ["s3cr3t-key"], patience: .milliseconds(50)
        ).findings {
            effects.withLock { count in
                count += 1
                return .int(count)
            }
        }
        #expect(
            findings.map(\.description) == [
                "documentation: the name \"Test Bad\" is not made of lower-case words joined by dots",
                "documentation: the summary is not a sentence: \"does nothing\"",
                "documentation: nothing says what the step's output is",
                "documentation: nothing says what \"lax\" means",
                "documentation: the hint for \"key\" is never printed: the key exists",
                "schema: decoding takes null for \"lax\", and the schema refuses it",
                "schema: decoding takes true for \"lax\", and the schema refuses it",
                "schema: decoding takes 0 for \"lax\", and the schema refuses it",
                "schema: decoding takes 1 for \"lax\", and the schema refuses it",
                "schema: decoding takes -1 for \"lax\", and the schema refuses it",
                "schema: decoding takes 1.5 for \"lax\", and the schema refuses it",
                "schema: decoding takes \"\" for \"lax\", and the schema refuses it",
                "schema: decoding takes \"1\" for \"lax\", and the schema refuses it",
                "schema: decoding takes \"1s\" for \"lax\", and the schema refuses it",
                "schema: decoding takes {\"a\":\"text\"} for \"lax\", and the schema refuses it",
                "schema: decoding takes {\"a\":1} for \"lax\", and the schema refuses it",
                "discretion: a part of a secret stands in its progress",
                "cancellation: it went on for 0.05 seconds after its cancellation",
                "idempotency: the second attempt changed something: 1 became 2",
            ])
    }
}
