import RunnelKit
import RunnelSupport
import RunnelTesting
import Testing

@testable import RunnelProcess

@Suite("Decisions about children") struct PureTests {
    @Test("a child is first asked, then told, then killed")
    func stopPlan() {
        let plan = StopPlan(afterClosing: .seconds(2), afterTerminate: .seconds(3))
        #expect(
            [0, 1, 2, 4, 5, 9].map { plan.stage(after: .seconds($0)) } == [
                .closed, .closed, .terminated, .terminated, .killed, .killed,
            ])
        #expect(plan.timeLeft(after: .seconds(1)) == .seconds(1))
        #expect(plan.timeLeft(after: .seconds(2)) == .seconds(3))
        #expect(plan.timeLeft(after: .seconds(5)) == nil)
        #expect(StopPlan.immediate.stage(after: .zero) == .killed)
        #expect(StopPlan.prompt.stage(after: .zero) == .terminated)
    }

    @Test("a child that had worked restarts at once; one that dies idle waits twice as long each time, to a limit")
    func restart() {
        var policy = RestartPolicy(initial: .seconds(1), maximum: .seconds(5))
        #expect(policy.pause(at: .seconds(10)) == .zero)
        var pauses: [Duration] = []
        for _ in 0..<5 {
            policy.died(at: .seconds(10), hadWorked: false)
            pauses.append(policy.pause(at: .seconds(10)))
        }
        #expect(pauses == [1, 2, 4, 5, 5].map { .seconds($0) })
        #expect(policy.pause(at: .seconds(14)) == .seconds(1))
        #expect(policy.pause(at: .seconds(99)) == .zero)
        policy.died(at: .seconds(100), hadWorked: true)
        #expect(policy.pause(at: .seconds(100)) == .zero)
    }

    private func lines(_ pieces: [String], limit: Int) throws -> (lines: [String], rest: String?) {
        var splitter = LineSplitter(limit: limit)
        var lines: [String] = []
        for piece in pieces {
            try Array(piece.utf8).withUnsafeBytes { bytes in
                try splitter.append(bytes) { line, _ in lines.append(String(decoding: line, as: UTF8.self)) }
            }
        }
        return (lines, splitter.finish().map { String(decoding: $0.line, as: UTF8.self) })
    }

    @Test("lines are the same however the bytes arrive, and the longest that is allowed passes")
    func splitting() throws {
        let text = "one\r\ntwo\n\nthree"
        for pieces in [[text], text.map(String.init), ["one\r", "\ntwo\n", "\nthree"]] {
            let (found, rest) = try lines(pieces, limit: 5)
            #expect(found == ["one", "two", ""])
            #expect(rest == "three")
        }
        #expect(throws: LineSplitter.TooLong(line: 2)) { try lines(["a\n", "123456"], limit: 5) }
        #expect(throws: LineSplitter.TooLong(line: 1)) { try lines(["123456\n"], limit: 5) }
    }

    @Test("blank lines are left out and keep their numbers, and short lines fill the queue as well")
    func channel() async throws {
        func channel(lineLimit: Int = 100, _ text: String) -> (LineChannel, hasRoom: Bool) {
            let channel = LineChannel(lineLimit: lineLimit, outputLimit: .max)
            return (channel, Array(text.utf8).withUnsafeBytes { channel.append($0) })
        }
        let (lines, hasRoom) = channel(String(repeating: "\n", count: 1 << 20) + " \r\na\n\n\nb")
        #expect(hasRoom)
        lines.finish()
        #expect(
            try await lines.next() == [
                .init(bytes: [0x61], number: (1 << 20) + 2),
                .init(bytes: [0x62], number: (1 << 20) + 5, isWhole: false),
            ])
        #expect(!channel(String(repeating: "a\n", count: 8192)).hasRoom)
        for text in ["a\n\n123456\nb", "a\n\n123456"] {
            let (lines, _) = channel(lineLimit: 5, text)
            _ = try await lines.next()
            await #expect(throws: LineChannel.Failure.lineTooLong(number: 3, limit: 5)) { try await lines.next() }
        }
    }

    @Test("a talkative child gets a burst, and then so many lines a second; what is left out is counted")
    func allowance() {
        var allowance = LineAllowance(burst: 2, perSecond: 1)
        let verdicts = [0, 0, 0, 0, 1, 1].map { allowance.take(at: .seconds($0)) }
        #expect(
            verdicts == [
                .write(leftOut: 0), .write(leftOut: 0), .leaveOut, .leaveOut, .write(leftOut: 2), .leaveOut,
            ])
    }

    @Test("lines that are left out are counted, also where a flood ends with them")
    func flood() {
        let recorder = LogRecorder()
        let log = PluginLog(plugin: "p", logger: recorder.logger(), redactor: Redactor(), isShared: false)
        let count = 5000
        Array(String(repeating: "x\n", count: count).utf8).withUnsafeBytes { log.append($0) }
        log.finish()
        let notes = recorder.messages.filter { $0 != "x" }
        let omitted = notes.compactMap { $0.firstMatch(of: #/too much: (\d+) lines? /#).flatMap { Int($0.output.1) } }
        #expect(recorder.messages.count - notes.count + omitted.reduce(0, +) == count)
        #expect(omitted.reduce(0, +) > 0)
    }

    @Test("a line that is truncated or quoted shows no part of a secret")
    func cutSecret() throws {
        let secret = "s3cr3t-" + (0..<30).map { "\($0)" }.joined()
        let redactor = Redactor(secrets: [secret, "påss-" + secret])
        let recorder = LogRecorder()
        let log = PluginLog(plugin: "p", logger: recorder.logger(), redactor: redactor, isShared: false)
        // Masks are shorter than the secrets, so the end of the truncated line is shown.
        for text in [secret, "påss-" + secret] {
            for shift in 0..<text.utf8.count {
                let line = String(repeating: ".", count: shift) + String(repeating: text + " ", count: 400) + "\n"
                Array(line.utf8).withUnsafeBytes { log.append($0) }
            }
        }
        #expect(recorder.messages.count > 100)
        #expect(recorder.messages.allSatisfy { $0.contains("*** ***") && !$0.contains("s3c") && !$0.contains("p") })
        for count in 0..<100 {
            let line = Array((String(repeating: ".", count: count) + secret).utf8)
            #expect(!redactor.quoted(line).contains("s3c"))
            let problem = #expect(throws: MessageLine.Problem.self) {
                try MessageLine(Array("[\"".utf8) + line + Array("\"]".utf8), example: "", redactor: redactor)
            }
            #expect(problem?.message.contains("s3c") == false)
        }
    }

    @Test("a program is searched as a shell would, and a path begins at the plugin's folder")
    func search() throws {
        let files: Set<String> = ["/p/run.sh", "/usr/bin/python3", "/abs/tool"]
        var search = ProgramSearch(folder: "/p", path: "/bin:/usr/bin", isExecutable: files.contains)
        #expect(try search.find("python3") == "/usr/bin/python3")
        #expect(try search.find("./run.sh") == "/p/run.sh")
        #expect(try search.find("/abs/tool") == "/abs/tool")
        #expect(throws: ProgramSearch.Problem.self) { try search.find("run.sh") }
        search = ProgramSearch(folder: "/p", path: "", isExecutable: files.contains)
        #expect(throws: ProgramSearch.Problem.self) { try search.find("python3") }
    }

    @Test("an error's value of the wrong type is a warning, and an error without a message says so")
    func errorValues() throws {
        var conversation = ExecConversation(plugin: "test", redactor: Redactor())
        let line = #"{"type":"error","message":" ","code":"Bad Code!","hint":{"a":1},"transient":"true"}"#
        let effects = try conversation.receive(LineChannel.Line(bytes: Array(line.utf8), number: 1))
        let start = #"line 1 of what the plugin "test" wrote is a message of type "error" whose "#
        #expect(
            effects == [
                .warning(start + #""code" should be a word: found "Bad Code!", which is ignored; \#(PluginName.rule)"#),
                .warning(start + #""hint" should be a string: found an object, which is ignored"#),
                .warning(start + #""transient" should be true or false: found "true", which is ignored"#),
            ])
        let error = try #require(throws: StepError.self) { try conversation.finish(.status(0), lastLines: []) }
        #expect(error.message == "the plugin reported an error without a message")
        #expect(error.code == "plugin-error")
        #expect(!error.isTransient)
        var other = ExecConversation(plugin: "test", redactor: Redactor())
        let fitting = #"{"type":"error","message":"busy","code":"busy","hint":null,"transient":true}"#
        #expect(try other.receive(LineChannel.Line(bytes: Array(fitting.utf8), number: 1)).isEmpty)
    }

    @Test("who waits at a gate gets in by turn, and a cancelled one leaves its place")
    func gate() async throws {
        let gate = Semaphore(limit: 1)
        let (stream, release) = AsyncStream.makeStream(of: Void.self)
        let (entered, enter) = AsyncStream.makeStream(of: Void.self)
        let first = Task {
            try await gate.withPermit {
                enter.yield()
                for await _ in stream { break }
            }
        }
        for await _ in entered { break }
        let second = Task { try await gate.withPermit {} }
        second.cancel()
        await #expect(throws: CancellationError.self) { try await second.value }
        release.yield()
        try await first.value
        #expect(try await gate.withPermit { 3 } == 3)
    }
}
