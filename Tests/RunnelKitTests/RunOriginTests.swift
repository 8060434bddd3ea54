import Logging
import RunnelKit
import Testing

@Suite("Which run wrote a file") struct RunOriginTests {
    private static let second: Int64 = 1_000_000_000
    private let origin = RunOrigin(pipeline: "p", runID: "run-1")

    @Test("a file is known by its path, while it was written and two seconds around")
    func file() {
        let origins = RunOrigins()
        origins.begin("in/a.txt", by: origin, at: 100 * Self.second)
        #expect(origins.origin(of: "in/a.txt", modified: 500 * Self.second) == origin)
        origins.end("in/a.txt", by: origin, at: 110 * Self.second)
        #expect(origins.origin(of: "in/a.txt", modified: 112 * Self.second) == origin)
        #expect(origins.origin(of: "in/a.txt", modified: 113 * Self.second) == nil)
        #expect(origins.origin(of: "in/a.txt", modified: 97 * Self.second) == nil)
        #expect(origins.origin(of: "in/b.txt", modified: 105 * Self.second) == nil)
        #expect(origins.origin(of: "in/a.txt/b", modified: 113 * Self.second) == nil)
    }

    @Test("a file with the earliest or the latest time is known", arguments: [Int64.min, .max])
    func farTime(time: Int64) {
        let origins = RunOrigins()
        origins.place("in/a.txt", by: origin, modified: time)
        #expect(origins.origin(of: "in/a.txt", modified: time) == origin)
        #expect(origins.origin(of: "in/a.txt", modified: 0) == nil)
    }

    @Test("a folder stands for all files below it, and a file's own entry comes first")
    func folder() {
        let origins = RunOrigins()
        let other = RunOrigin(pipeline: "q", runID: "run-2")
        origins.begin("in", by: origin, at: 100 * Self.second)
        origins.begin("in/sub/b.txt", by: other, at: 100 * Self.second)
        #expect(origins.origin(of: "in/a.txt", modified: 101 * Self.second) == origin)
        #expect(origins.origin(of: "in/sub/c.txt", modified: 101 * Self.second) == origin)
        #expect(origins.origin(of: "in/sub/b.txt", modified: 101 * Self.second) == other)
        #expect(origins.origin(of: "inbox/a.txt", modified: 101 * Self.second) == nil)
    }

    @Test("a step may write a path in any form, and one outside of the project is nothing")
    func forms() async throws {
        let second = Self.second
        for path in ["in/a.txt", "./in/a.txt", "in//a.txt", "in/b/../a.txt", "/p/in/a.txt", "in/", "/p/in", "."] {
            let (single, several) = (RunOrigins(), RunOrigins())
            context(single).writing(path) {}
            try await context(several).writing(allOf: [path]) {}
            for origins in [single, several] {
                #expect(origins.origin(of: "in/a.txt", modified: 100 * second) == origin, "\(path)")
            }
        }
        let origins = RunOrigins()
        for path in ["", "../in/a.txt", "/in/a.txt", "in/../.."] { context(origins).writing(path) {} }
        #expect(origins.origin(of: "in/a.txt", modified: 100 * second) == nil)
    }

    private func context(_ origins: RunOrigins) -> StepContext {
        StepContext(
            identity: StepIdentity(pipeline: "p", runID: "run-1", stepID: "s"),
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }, now: { 100 * Self.second },
            services: Services(), project: ProjectDirectory(path: "/p"), origins: origins,
            render: { text, _ in .string(text) }, progress: { _ in })
    }
}
