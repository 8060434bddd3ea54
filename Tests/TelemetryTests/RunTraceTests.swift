import RunnelEngine
import RunnelKit
import Testing
import Tracing

@testable import Telemetry

@Suite("The spans of a run", .timeLimit(.minutes(5))) struct RunTraceTests {
    private let log = SpanLog()
    private var tracing: RunTracing { RunTracing(tracer: log.tracer()) }

    @Test("a run is `invoke_workflow` with the id of the run as its trace, and its steps are below it")
    func tree() async throws {
        let result = try await run(
            "name: p\nsteps:\n  - { id: one, uses: echo, with: { value: 1 } }\n  - { id: two, uses: echo }\n", tracing)
        let root = try #require(log["invoke_workflow p"])
        #expect(root.context.traceID == "0198c0de000070008000000000000001")
        #expect(root.parentID == nil)
        #expect(root.kind == .internal)
        #expect(root["gen_ai.operation.name"] == "invoke_workflow")
        #expect(root["gen_ai.agent.name"] == "p")
        #expect(root["runnel.run.id"] == "0198c0de-0000-7000-8000-000000000001")
        #expect(root["runnel.run.state"] == "succeeded")
        #expect(root["runnel.trigger.type"] == "manual")
        #expect(root.status == nil)
        for name in ["one", "two"] {
            let step = try #require(log["step \(name)"])
            #expect(step.parentID == root.context.spanID)
            #expect(step.context.traceID == root.context.traceID)
            #expect(step["runnel.step.uses"] == "echo")
            #expect(step["runnel.step.state"] == "succeeded")
            #expect(step["runnel.step.attempt"] == "1")
        }
        // What the step sends along names its own span.
        let step = try #require(log["step two"])
        #expect(result.outputs["two"]?.asString == "00-\(step.context.traceID)-\(step.context.spanID)-03")
    }

    @Test("a run that came with a trace context goes on with that trace")
    func parent() async throws {
        let trace = "4bf92f3577b34da6a3ce929d0e0e4736"
        try await run(
            "name: p\nsteps: [ { uses: echo } ]",
            trigger: [
                "type": "webhook", "traceparent": .string("00-\(trace)-00f067aa0ba902b7-01"), "tracestate": "a=1",
            ], tracing)
        let root = try #require(log["invoke_workflow p"])
        #expect(root.context.traceID == trace)
        #expect(root.parentID == "00f067aa0ba902b7")
        #expect(root.context.state == "a=1")
    }

    @Test("a trace that its caller does not record is not recorded here, and is passed on all the same")
    func unsampled() async throws {
        let result = try await run(
            "name: p\nsteps: [ { id: e, uses: echo } ]",
            trigger: ["traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00"], tracing)
        #expect(log.all.isEmpty)
        let sent = try #require(result.outputs["e"]?.asString.flatMap { TraceContext(traceparent: $0) })
        #expect(sent.traceID == "4bf92f3577b34da6a3ce929d0e0e4736")
        #expect(!sent.isSampled)
    }

    @Test("a malformed trace context begins a new trace")
    func malformed() async throws {
        try await run(
            "name: p\nsteps: [ { uses: echo } ]",
            trigger: ["traceparent": "00-00000000000000000000000000000000-00f067aa0ba902b7-01"], tracing)
        #expect(log["invoke_workflow p"]?.context.traceID == "0198c0de000070008000000000000001")
        #expect(log["invoke_workflow p"]?.parentID == nil)
    }

    @Test("attempts of a step are one span, with an event for each retry")
    func retries() async throws {
        try await run(
            "name: p\nsteps: [ { id: s, uses: fail, with: { until: 3 }, retry: { attempts: 3, backoff: 1ms } } ]",
            tracing)
        let step = try #require(log["step s"])
        #expect(step.events.map(\.name) == ["retry", "retry"])
        #expect(step.events.map { $0.attributes.get("error.type") } == [.string("broken"), .string("broken")])
        #expect(step["runnel.step.attempt"] == "3")
        #expect(step["runnel.step.state"] == "succeeded")
        #expect(step["error.type"] == nil)
        #expect(step.status == nil)
    }

    @Test("a failure is in the span of the step and in that of the run, by its code")
    func failure() async throws {
        try await run("name: p\nsteps: [ { id: s, uses: fail } ]", tracing)
        for name in ["step s", "invoke_workflow p"] {
            let span = try #require(log[name])
            #expect(span["error.type"] == "broken")
            #expect(span.status == SpanStatus(code: .error, message: "it broke"))
        }
        #expect(log["step s"]?["runnel.step.state"] == "failed")
        #expect(log["invoke_workflow p"]?["runnel.run.state"] == "failed")
    }

    @Test("items are below the span of their `for_each`, and steps below that of their group")
    func nesting() async throws {
        try await run(
            """
            name: p
            steps:
              - id: each
                for_each: [1, 2]
                uses: echo
              - id: all
                parallel: true
                steps:
                  - { id: inner, uses: echo }
            """, tracing)
        let each = try #require(log.all.first { $0["runnel.step.id"] == "each" })
        let items = log.all.filter { ["each[0]", "each[1]"].contains($0["runnel.step.id"]) }
        #expect(items.map(\.parentID) == [each.context.spanID, each.context.spanID])
        let group = try #require(log["step all"])
        #expect(log["step inner"]?.parentID == group.context.spanID)
        #expect(group.parentID == log["invoke_workflow p"]?.context.spanID)
    }

    @Test("of the traces that begin here a share is recorded, the same in each process")
    func sampling() async throws {
        for (last, isKept) in [("00000000000000", true), ("7fffffffffffff", true), ("80000000000000", false)] {
            let log = SpanLog()
            let id = "0198c0de-0000-7000-80\(last.prefix(2))-\(last.dropFirst(2))"
            try await run("name: p\nsteps: [ { uses: echo } ]", id: id, RunTracing(tracer: log.tracer(sample: 0.5)))
            #expect(log.all.isEmpty != isKept, "\(id)")
        }
    }

    @Test("where nothing is recorded, the trace context is passed on nevertheless")
    func off() async throws {
        let yaml = "name: p\nsteps: [ { id: e, uses: echo } ]"
        let own = try await run(yaml, .off)
        #expect(own.outputs["e"] == "00-0198c0de000070008000000000000001-8000000000000001-02")
        let text = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
        let given = try await run(yaml, trigger: ["traceparent": .string(text)], .off)
        #expect(given.outputs["e"] == .string(text))
    }
}
