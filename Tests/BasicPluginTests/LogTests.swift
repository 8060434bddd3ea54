import Logging
import RunnelKit
import RunnelTesting
import Testing

@testable import LogPlugin

@Suite("log") struct LogTests {
    @Test(
        "the input passes through unchanged, and the message is reported",
        arguments: [
            (["message": "hello"], "in", "hello"), ([:], "in", "in"), ([:], ["a": 1], "{\"a\":1}"),
            ([:], .null, "null"),
            (["message": ""], "in", ""), (["message": "ä 🦆\nb", "level": "error"], [1, "x"], "ä 🦆\nb"),
        ] as [(ValueObject, Value, String)])
    func passing(with: ValueObject, input: Value, message: String) async throws {
        var harness = StepHarness()
        harness.input = input
        #expect(try await harness.run(Log.self, with: with) == input)
        #expect(harness.progress == [.note(message)])
    }

    @Test(
        "the message is logged at its level",
        arguments: [(nil, .info), ("debug", .debug), ("info", .info), ("warning", .warning), ("error", .error)]
            as [(String?, Logger.Level)])
    func levels(name: String?, level: Logger.Level) async throws {
        let log = LogRecorder()
        var context = StepHarness().context
        context.logger = log.logger(level: .trace)
        var with: ValueObject = ["message": "hello"]
        if let name { with["level"] = .string(name) }
        _ = try await StepDefinition(Log.self).run(with, context)
        #expect(log.lines == ["\(level) hello"])
    }

    @Test("an unknown level is an error that lists the levels")
    func unknownLevel() async throws {
        let error = await #expect(throws: StepError.self) {
            _ = try await StepHarness().run(Log.self, with: ["level": "loud"])
        }
        #expect(error?.code == "bad-with")
        #expect(error?.message == #"`level`: expected one of "debug", "info", "warning", "error", found "loud""#)
    }
}
