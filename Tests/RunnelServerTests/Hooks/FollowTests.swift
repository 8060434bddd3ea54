import RunnelKit
import Synchronization
import Testing

@testable import RunnelEngine

@Suite("Following a run", .timeLimit(.minutes(5))) struct FollowTests {
    private static let yaml = """
        name: talk
        steps:
          - { id: say, uses: talk, with: { pieces: [a, b, c] } }
          - { uses: log, with: { message: noted } }
        """
    private static let all: [RunUpdate] = [
        .stepStarted(step: "say"), .text(step: "say", "abc"), .stepEnded(step: "say"), .stepStarted(step: "log"),
        .note(step: "log", "noted"), .stepEnded(step: "log"),
    ]

    private final class Heard: Sendable {
        private let updates = Mutex<[RunUpdate]>([])

        /// Pieces of a text put together, however they came.
        var all: [RunUpdate] {
            updates.withLock { $0 }.reduce(into: []) { all, update in
                if case .text(let step, let text) = update, case .text(step, let earlier)? = all.last {
                    all[all.count - 1] = .text(step: step, earlier + text)
                } else {
                    all.append(update)
                }
            }
        }

        func append(_ update: RunUpdate) { updates.withLock { $0.append(update) } }
    }

    @Test("who begins to follow when the run has ended hears all of it, and then its end")
    func late() async throws {
        try await ServerRig(pipelines: ["t.yaml": Self.yaml]).serve { server in
            let id = try #require(try await server.post("/api/v1/pipelines/talk/runs", "").run)
            #expect(try await server.end(of: id) == .succeeded(output: "abc"))
            let heard = Heard()
            #expect(try await server.host.runs.follow(id) { heard.append($0) } == .succeeded(output: "abc"))
            #expect(heard.all == Self.all)
        }
    }

    @Test("who begins in the middle hears the beginning first, and nothing twice")
    func middle() async throws {
        let yaml = Self.yaml + "\n  - { id: wait, uses: gate, with: { gate: g } }"
        try await ServerRig(pipelines: ["t.yaml": yaml]).serve { server in
            let id = try #require(try await server.post("/api/v1/pipelines/talk/runs", "").run)
            await server.gates.waitForArrivals(at: "g")
            let heard = Heard()
            let end = try await server.host.runs.follow(id) { update in
                heard.append(update)
                if update == .stepStarted(step: "wait") { await server.gates.open("g") }
            }
            #expect(end == .succeeded(output: "g"))
            #expect(heard.all == Self.all + [.stepStarted(step: "wait"), .stepEnded(step: "wait")])
        }
    }

    @Test("a listener who is slow still hears the last word before the end")
    func slow() async throws {
        try await ServerRig(pipelines: ["t.yaml": Self.yaml]).serve { server in
            let id = try #require(try await server.post("/api/v1/pipelines/talk/runs", "").run)
            let heard = Heard()
            _ = try await server.host.runs.follow(id) { update in
                // The run has ended before the first update was dealt with.
                _ = try? await server.end(of: id)
                heard.append(update)
            }
            #expect(heard.all == Self.all)
        }
    }

    @Test("of a long run, the end is remembered, and of many runs, the last")
    func bounded() {
        var history = RunHistory()
        let piece = String(repeating: "x", count: 1000)
        for number in 0..<1000 { history.append(.text(step: "s", "\(number) " + piece)) }
        #expect(history.size <= 256 << 10)
        guard case .text(_, let text)? = history.updates.last else {
            Issue.record("there is no text")
            return
        }
        #expect(text.hasSuffix("999 " + piece))
        for _ in 0..<5000 { history.append(.stepStarted(step: "s")) }
        #expect(history.updates.count == 1024)

        let watchers = RunWatchers()
        for number in 0..<100 {
            watchers.tell(RunEvent(runID: "run-\(number)", time: 0, kind: .runStarted(pipeline: "p", steps: 1)))
            #expect(watchers.isLive("run-\(number)"))
            watchers.end("run-\(number)")
            #expect(!watchers.isLive("run-\(number)"))
        }
        #expect(watchers.remembered == 64)
    }

    @Test("what a step says after the end of its run does not make the run active again")
    func afterEnd() async {
        let watchers = RunWatchers()
        func tell(_ kind: RunEvent.Kind) { watchers.tell(RunEvent(runID: "r", time: 0, kind: kind)) }
        let say = RunEvent.StepPlace(id: "say", uses: "talk")
        tell(.runStarted(pipeline: "p", steps: 1))
        tell(.stepText(say, "in time"))
        watchers.end("r")
        tell(.stepText(say, "late"))
        #expect(!watchers.isLive("r"))
        let watch = watchers.watch("r", isWhole: true)
        watch.finish()
        var heard: [RunUpdate] = []
        for await update in watch.updates { heard.append(update) }
        #expect(heard == [.text(step: "say", "in time")])
    }
}
