import HTTPTestServer
import Marketplace
import RunnelKit
import RunnelTesting
import Synchronization
import Testing

@testable import ChatPlugin

private let head =
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nConnection: close\r\n\r\n"
private func chunk(_ choice: String) -> String {
    #"data: {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [\#(choice)]}"#
        + "\n\n"
}
private let hello =
    chunk(#"{"index": 0, "delta": {"role": "assistant", "content": ""}}"#)
    + chunk(#"{"index": 0, "delta": {"content": "Hel"}}"#) + chunk(#"{"index": 0, "delta": {"content": "lo"}}"#)
private let stop = chunk(#"{"index": 0, "delta": {}, "finish_reason": "stop"}"#)
private let done = "data: [DONE]\n\n"
private func join(_ parts: String...) -> String { parts.joined() }

/// Runs the step against a server that answers each request with these bytes.
private func chat(
    _ answers: String..., with: ValueObject = ["prompt": "Say hello"]
) async throws -> (result: Result<Value, StepError>, progress: [StepProgress], requests: Int) {
    let count = Counter()
    return try await TestServer.run { _ in
        .raw(head + answers[min(count.next(), answers.count - 1)])
    } body: {
        server in
        let settings = try MarketplaceConfiguration(baseURL: server.url + "/v1", authentication: .none)
        let harness = StepHarness()
        let result = try await harness.chat(settings, with: with)
        return (result, harness.progress, server.requests.count)
    }
}

private final class Counter: Sendable {
    private let value = Mutex(0)

    func next() -> Int {
        value.withLock { value in
            defer { value += 1 }
            return value
        }
    }
}

private func notes(_ progress: [StepProgress]) -> [String] {
    progress.compactMap { if case .note(let note) = $0 { note } else { nil } }
}

/// What a failed step says.
private struct Failure: Equatable {
    var code: String
    var message: String
    var isTransient = false
    var kept: Value?

    init(_ code: String, _ message: String, isTransient: Bool = false, kept: Value? = nil) {
        self.code = code
        self.message = message
        self.isTransient = isTransient
        self.kept = kept
    }

    init(_ error: StepError) {
        self.init(error.code, error.message, isTransient: error.isTransient, kept: error.partialOutput)
    }
}

private let label: Value = [
    "type": "object", "required": ["label"], "properties": ["label": ["enum": ["bug", "feature", "question"]]],
]

/// The answers of public bug reports.
@Suite("How an answer ends a chat") struct AnswerEndTests {
    @Test(
        "an answer that a server ends in its own way is whole, and paid for once",
        arguments: [
            // [DONE] is the last that comes, without a line end.
            (join(hello, stop, "data: [DONE]"), "Hello"),
            // There is no [DONE].
            (join(hello, stop), "Hello"),
            // Events say nothing.
            (join("data: \n\ndata:\n\ndata\n\n", hello, "data: \n\n", stop, done), "Hello"),
            // The content is a list of parts.
            (
                join(
                    #"data: {"choices": [{"index": 0, "delta": {"role": "assistant", "content": [{"type": "thinking", "thinking": [{"type": "text", "text": "hmm"}]}]}}]}"#,
                    "\n\n", hello, stop, done), "Hello"
            ),
            // A character lies over two deltas.
            (
                join(
                    #"data: {"choices":[{"index":0,"delta":{"content":"A\ud83d"}}]}"#, "\n\n",
                    #"data: {"choices":[{"index":0,"delta":{"content":"\ude00B"}}]}"#, "\n\n", stop, done), "A😀B"
            ),
        ] as [(String, String)])
    func whole(answer: String, text: String) async throws {
        let (result, progress, requests) = try await chat(answer)
        #expect(try result.get()["text"] == .string(text))
        #expect(notes(progress) == [])
        #expect(requests == 1)
    }

    @Test("a chunk of more than 1 MiB is read, and the note of its task stays short")
    func longLine() async throws {
        let title = String(repeating: "t", count: 1_500_000)
        let (result, progress, requests) = try await chat(
            join(
                #"data: {"choices":[{"index":0,"delta":{"content":"Hello","tasks":[{"actionType":"tool_result","title":""#,
                title, #""}]}}]}"#, "\n\n", done))
        let output = try result.get()
        #expect(output["text"] == "Hello")
        #expect(output["tasks"]?[0]?["title"] == .string(title))
        #expect(notes(progress) == ["tool_result · \(title.prefix(200))…"])
        #expect(requests == 1)
    }

    @Test(
        "a failure is no success, keeps the text so far, and is not asked again, with and without a schema",
        arguments: [
            (
                join(
                    #"data: {"object": "error", "message": "max context length exceeded", "type": "BadRequestError", "param": null, "code": 400}"#,
                    "\n\n", done),
                Failure(
                    "error-in-stream",
                    #"the server reported an error in its answer: "max context length exceeded" (400)"#)
            ),
            (
                join(
                    hello,
                    #"data: {"choices": [{"index": 0, "delta": {"content": ""}, "finish_reason": "error", "error": {"code": 502, "message": "Provider gone"}}]}"#,
                    "\n\n", done),
                Failure(
                    "error-in-stream", #"the server reported an error in its answer: "Provider gone" (502)"#,
                    isTransient: true, kept: "Hello")
            ),
            (
                join(
                    #"data: {"choices": [{"index": 0, "delta": {"role": "assistant", "content": null, "refusal": "I can"}}]}"#,
                    "\n\n", #"data: {"choices": [{"index": 0, "delta": {"refusal": "not help."}}]}"#, "\n\n", stop, done
                ), Failure("refusal", #"the model refused to answer: "I cannot help.""#)
            ),
            (
                join(hello, chunk(#"{"index": 0, "delta": {}, "finish_reason": "content_filter"}"#), done),
                Failure(
                    "content-filter",
                    #"the server's content filter stopped the answer (finish reason "content_filter")"#, kept: "Hello")
            ),
            (
                join(hello, chunk(#"{"index": 0, "delta": {}, "finish_reason": "length"}"#), done),
                Failure(
                    "answer-truncated",
                    #"the answer was cut off at the model's limit of tokens (finish reason "length")"#, kept: "Hello")
            ),
            (
                join(stop, done),
                Failure("empty-answer", "the answer is empty: the stream ended without any text", isTransient: true)
            ),
            (
                join(
                    hello,
                    chunk(
                        #"{"delta": {"tool_calls": [{"function": {"name": "rm"}}]}, "finish_reason": "tool_calls"}"#)),
                Failure(
                    "unexpected-tool-call",
                    #"the model wants the tool "rm" to be called, and none was offered to it"#, kept: "Hello")
            ),
            (
                join(
                    chunk(#"{"delta": {"messageInfo": {"conversationId": "c-9"}, "content": "So: "}}"#),
                    chunk(#"{"delta": {"user_interaction_required": {"question": "Which one?"}}}"#), stop, done),
                Failure(
                    "interaction-required",
                    #"the agent asks and waits for a person: "Which one?" (conversation "c-9")"#,
                    kept: [
                        "text": "So: ", "question": "Which one?", "kind": "user_interaction_required",
                        "conversation_id": "c-9",
                    ])
            ),
        ] as [(String, Failure)])
    fileprivate func failed(answer: String, failure: Failure) async throws {
        for with in [["prompt": "x"], ["prompt": "x", "schema": label]] as [ValueObject] {
            let (result, _, requests) = try await chat(answer, with: with)
            guard case .failure(let error) = result else {
                Issue.record("it succeeded: \(result)")
                continue
            }
            #expect(Failure(error) == failure)
            #expect(error.hint?.isEmpty == false)
            #expect(requests == 1)
        }
    }

    @Test("a call of a tool that the step's body offers is said to be one that Runnel does not make")
    func offeredTool() async throws {
        let call = chunk(#"{"delta": {"tool_calls": [{"function": {"name": "rm"}}]}, "finish_reason": "tool_calls"}"#)
        let tool: Value = ["type": "function", "function": ["name": "rm"]]
        let (result, _, _) = try await chat(hello + call, with: ["prompt": "x", "body": ["tools": [tool]]])
        guard case .failure(let error) = result else {
            Issue.record("it succeeded: \(result)")
            return
        }
        #expect(error.code == "unexpected-tool-call")
        #expect(
            error.message
                == #"the model wants the tool "rm" of the request's `tools` to be called, and Runnel calls no tools"#)
        #expect(error.hint == "leave `tools` out of `body`, or say in the prompt to answer in words")
    }

    @Test("an answer that only thought is empty, and keeps the reasoning")
    func onlyReasoning() async throws {
        let (result, _, _) = try await chat(
            chunk(#"{"delta": {"content": null, "reasoning_content": "Hm, "}}"#)
                + chunk(#"{"delta": {"content": null, "reasoning_content": "hello?"}}"#) + stop + done)
        guard case .failure(let error) = result else {
            Issue.record("it succeeded: \(result)")
            return
        }
        #expect(error.code == "empty-answer")
        #expect(error.isTransient)
        #expect(error.partialOutput == ["text": "", "reasoning": "Hm, hello?"])
        #expect(
            error.hint
                == "the model only thought, and its reasoning is kept: try again, or raise its limit of tokens")
    }

    @Test("a truncated answer is taken where the step accepts it")
    func accept() async throws {
        let answer = hello + chunk(#"{"index": 0, "delta": {}, "finish_reason": "length"}"#) + done
        let (result, progress, requests) = try await chat(answer, with: ["prompt": "x", "accept": ["length"]])
        let output = try result.get()
        #expect(output["text"] == "Hello")
        #expect(output["finish_reason"] == "length")
        #expect(notes(progress) == [])
        #expect(requests == 1)
        let problem = try #require(StepDefinition(Chat.self).problems("accept", ["stop"]).first)
        #expect(problem.message == #"expected one of "length", found "stop""#)
    }

    @Test("a finish reason that nobody knows is a success with a note")
    func unknownReason() async throws {
        let (result, progress, _) = try await chat(
            hello + chunk(#"{"index": 0, "delta": {}, "finish_reason": "tired"}"#) + done)
        #expect(try result.get()["finish_reason"] == "tired")
        #expect(notes(progress) == [#"the answer ended with the finish reason "tired"; it counts as whole"#])
    }

    @Test("an agent that did its tasks and said nothing is a success with a note")
    func tasksAlone() async throws {
        let (result, progress, _) = try await chat(
            chunk(#"{"delta": {"content": "", "tasks": [{"title": "sent", "status": "completed"}]}}"#) + stop + done)
        #expect(try result.get()["text"] == "")
        #expect(notes(progress) == ["sent · completed", "the agent did its tasks and said nothing: `text` is empty"])
    }

    @Test("reasoning is kept apart from the text")
    func reasoning() async throws {
        let (result, _, _) = try await chat(
            chunk(#"{"delta": {"content": null, "reasoning_content": "Hm, "}}"#)
                + chunk(#"{"delta": {"content": null, "reasoning_content": "hello."}}"#) + hello + stop + done)
        let output = try result.get()
        #expect(output["text"] == "Hello")
        #expect(output["reasoning"] == "Hm, hello.")
        let (plain, _, _) = try await chat(hello + stop + done)
        #expect(try plain.get()["reasoning"] == .null)
    }

    @Test(
        "JSON of the model's reasoning is not the answer",
        arguments: [
            #"<think>The user may want {\"label\":\"feature\"} but no.</think>\n{\"label\":\"bug\"}"#,
            #"The user may want {\"label\":\"feature\"} but no.</think>\n{\"label\":\"bug\"}"#,
            #"```json\n{\"label\":\"feature\"}\n```\nNo:\n```json\n{\"label\":\"bug\"}\n```"#,
            #"{\"label\":\"bug\"} as {\"name\":\"x\"} [2]"#,
        ])
    func think(content: String) async throws {
        let (result, _, requests) = try await chat(
            #"data: {"choices": [{"index": 0, "delta": {"content": "\#(content)"}}]}"# + "\n\n" + done,
            with: ["prompt": "Label it", "schema": label])
        #expect(try result.get()["json"] == ["label": "bug"])
        #expect(requests == 1)
    }

    @Test("of several values that fit the last one is taken, and a note says so")
    func several() async throws {
        let (result, progress, _) = try await chat(
            chunk(#"{"delta": {"content": "{\"label\":\"feature\"}? No, {\"label\":\"bug\"}."}}"#) + stop + done,
            with: ["prompt": "Label it", "schema": label])
        #expect(try result.get()["json"] == ["label": "bug"])
        #expect(notes(progress) == ["2 JSON values in the answer fit the schema; the last one is taken"])
    }

    @Test("a refusal of the second answer ends the step as well")
    func refusedCorrection() async throws {
        let (result, _, requests) = try await chat(
            hello + stop + done, chunk(#"{"delta": {"refusal": "No."}}"#) + stop + done,
            with: ["prompt": "Label it", "schema": label])
        #expect(throws: StepError.self) { try result.get() }
        if case .failure(let error) = result { #expect(error.code == "refusal") }
        #expect(requests == 2)
    }

    @Test("the ids of an answer come from any report of a task, where the role names none")
    func taskIDs() {
        let answer = ChatAnswer()
        answer.add(.task(AgentTask(title: "t")))
        answer.add(.task(AgentTask(messageID: "m-1")))
        answer.add(.task(AgentTask(messageID: "m-2", conversationID: "c-1")))
        #expect(answer.ids == MessageInfo(messageID: "m-1", conversationID: "c-1"))
        answer.add(.role("assistant", MessageInfo(messageID: "m-3")))
        #expect(answer.ids == MessageInfo(messageID: "m-3", conversationID: "c-1"))
    }

    @Test("reports of tasks are bounded by their number and their bytes")
    func tasks() {
        let answer = ChatAnswer()
        for _ in 0..<20 { answer.add(.task(AgentTask(title: String(repeating: "t", count: 1 << 20)))) }
        #expect(answer.output(json: .null)["tasks"]?.asList?.count == 16)
        for _ in 0..<2000 { answer.add(.task(AgentTask())) }
        #expect(answer.output(json: .null)["tasks"]?.asList?.count == 1000)
        #expect(AgentTask(title: String(repeating: "t", count: 1000), status: "x").note(Redactor()).count == 205)
    }
}
