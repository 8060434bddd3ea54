import Testing

@testable import RunnelKit

@Suite("W3C Trace Context") struct TraceContextTests {
    private static let trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    private static let span = "00f067aa0ba902b7"

    @Test("a valid traceparent is read and written as it was")
    func valid() throws {
        for flags in ["00", "01", "02", "03"] {
            let text = "00-\(Self.trace)-\(Self.span)-\(flags)"
            let context = try #require(TraceContext(traceparent: text))
            #expect(context.traceID == Self.trace)
            #expect(context.spanID == Self.span)
            #expect(context.isSampled == ["01", "03"].contains(flags))
            #expect(context.traceparent == text)
        }
    }

    @Test("flags that version 00 does not know are not passed on")
    func flags() throws {
        let context = try #require(TraceContext(traceparent: "00-\(Self.trace)-\(Self.span)-ff"))
        #expect(context.traceparent == "00-\(Self.trace)-\(Self.span)-03")
        #expect(try #require(TraceContext(traceparent: "00-\(Self.trace)-\(Self.span)-fc")).isSampled == false)
    }

    @Test(
        "a malformed traceparent, or one with an id of zeros, is refused",
        arguments: [
            "", "00", "garbage", "00-\(trace)-\(span)", "00-\(trace)-\(span)-", "00-\(trace)-\(span)-1",
            "00-\(trace)-\(span)-01-", "00-\(trace)-\(span)-01-extra", "00-\(trace)-\(span)-01 ",
            " 00-\(trace)-\(span)-01", "ff-\(trace)-\(span)-01", "0-\(trace)-\(span)-01", "0x-\(trace)-\(span)-01",
            "00-\(trace.uppercased())-\(span)-01", "00-\(trace)-\(span.uppercased())-01", "00-\(trace)-\(span)-0A",
            "00-00000000000000000000000000000000-\(span)-01", "00-\(trace)-0000000000000000-01",
            "00-\(trace.dropLast())-\(span)-01", "00-\(trace)0-\(span)-01", "00-\(trace.dropLast())g-\(span)-01",
            "00-\(trace)-\(span.dropLast())-01", "00-\(trace)-\(span.dropLast())é-01", "00_\(trace)_\(span)_01",
            "00-\(trace)-\(span)-+1", "+0-\(trace)-\(span)-01",
            "00-\(trace)-\(span)-01, 00-\(trace)-\(span)-01", "01-\(trace)-\(span)-01x", "01-\(trace)-\(span)",
        ])
    func malformed(text: String) {
        #expect(TraceContext(traceparent: text) == nil)
    }

    @Test("a later version may append fields, and is written as version 00")
    func laterVersion() throws {
        for text in ["01-\(Self.trace)-\(Self.span)-01", "cc-\(Self.trace)-\(Self.span)-01-what-comes-later"] {
            #expect(
                try #require(TraceContext(traceparent: text)).traceparent == "00-\(Self.trace)-\(Self.span)-01")
        }
    }

    @Test(
        "a valid tracestate is passed on, with its members in their order",
        arguments: [
            ("rojo=00f067aa0ba902b7", "rojo=00f067aa0ba902b7"), ("rojo=1,congo=t61r", "rojo=1,congo=t61r"),
            (" rojo=1 , congo=t61r ", "rojo=1,congo=t61r"), ("a=1,,b=2", "a=1,b=2"),
            ("tenant@vendor=x:y;z", "tenant@vendor=x:y;z"), ("0a_-*/=1", "0a_-*/=1"),
        ])
    func state(text: String, written: String) {
        #expect(
            TraceContext(traceparent: "00-\(Self.trace)-\(Self.span)-01", tracestate: text)?.state == written)
    }

    @Test("a malformed tracestate is left out, and the traceparent stays")
    func malformedState() throws {
        let many = (0..<33).map { "k\($0)=1" }.joined(separator: ",")
        let texts = [
            "", ",", "rojo", "rojo=", "=1", "Rojo=1", "rojo=1=2", "rojo=1\u{7}", "rojo=ü", "a=1,a=2", many,
            "a=" + String(repeating: "x", count: 511), "a b=1",
        ]
        for text in texts {
            let context = try #require(
                TraceContext(traceparent: "00-\(Self.trace)-\(Self.span)-01", tracestate: text))
            #expect(context.state == nil, "\(text)")
        }
    }

    @Test("it becomes header fields, variables of a program and fields of a trigger")
    func carriers() throws {
        let text = "00-\(Self.trace)-\(Self.span)-01"
        let context = try #require(TraceContext(traceparent: text, tracestate: "a=1"))
        #expect(context.headers.map(\.name) == ["traceparent", "tracestate"])
        #expect(context.headers.map(\.value) == [text, "a=1"])
        #expect(context.environment == ["TRACEPARENT": text, "TRACESTATE": "a=1"])
        #expect(context.payload == ["traceparent": .string(text), "tracestate": "a=1"])
        #expect(TraceContext(trigger: .object(context.payload)) == context)
        #expect(try #require(TraceContext(traceparent: text)).environment == ["TRACEPARENT": text])
        #expect(TraceContext(trigger: ["type": "manual"]) == nil)
        #expect(TraceContext(trigger: ["traceparent": 7]) == nil)
        #expect(TraceContext(trigger: ["traceparent": "00-x"]) == nil)
    }

    @Test("the trace of a run has the run's id, and is the same in each life of the run")
    func derived() {
        let context = TraceContext(runID: "0198c0de-0000-7000-8000-000000000001")
        #expect(context.traceparent == "00-0198c0de000070008000000000000001-8000000000000001-02")
        #expect(TraceContext(runID: "0198c0de-0000-7000-8000-000000000001") == context)
    }

    @Test(
        "an id that is no UUID makes a valid trace, too",
        arguments: ["", "run-1", "00000000-0000-0000-0000-000000000000"])
    func derivedFromAnything(id: String) {
        let context = TraceContext(runID: id)
        #expect(TraceContext(traceparent: context.traceparent) == context)
        #expect(TraceContext(runID: id) == context)
        #expect(context.traceID != TraceContext(runID: id + "x").traceID)
    }
}
