import RunnelKit
import Testing

@testable import RunnelEngine
@testable import RunnelServer

@Suite("What the dashboard's stream says of changes") struct ChangeNoticeTests {
    /// A stream on a clock that the test moves.
    private struct Stream {
        let journal: HeldJournal
        let changes: ContentChanges
        var notices: ChangeNotices

        init(_ journal: HeldJournal, _ changes: ContentChanges, at now: ContinuousClock.Instant) async throws {
            let version = await journal.version()
            (self.journal, self.changes) = (journal, changes)
            notices = ChangeNotices(version: version, content: try await changes.count(at: version, now: now), host: 0)
        }

        mutating func look(at now: ContinuousClock.Instant, host: Int = 0) async throws -> ChangeNotices.Notice? {
            let version = await journal.version()
            let content = try await changes.count(at: version, now: now)
            return notices.next(version: version, content: content, host: host, now: now)
        }
    }

    private static func accept(_ id: String, _ journal: HeldJournal) async throws {
        let run = RunRecord(id: id, pipeline: "p", definition: "", trigger: ["type": "manual"], createdAt: 1)
        _ = try await journal.accept(run, steps: [], memory: nil)
    }

    @Test("heartbeats are no change of what pages show; a change is told at once")
    func beats() async throws {
        let (journal, worker) = (HeldJournal(), WorkerID("a"))
        await journal.join(
            WorkerRecord(id: worker, processID: 1, host: "here", role: "serve", startedAt: 0), replacing: [], at: 0)
        var now = ContinuousClock.now
        var stream = try await Stream(journal, ContentChanges(journal: journal), at: now)
        var said: [ChangeNotices.Notice?] = []
        for _ in 0..<20 {
            now += .seconds(5)
            _ = await journal.beat(worker)
            said.append(try await stream.look(at: now))
            said.append(try await stream.look(at: now + .milliseconds(500)))
        }
        let beats: [ChangeNotices.Notice?] = (0..<20).flatMap { _ in [ChangeNotices.Notice.beat, nil] }
        #expect(said == beats)
        try await Self.accept("r1", journal)
        now += .milliseconds(500)
        let first = try await stream.look(at: now)
        #expect(first == .change)
        try await Self.accept("r2", journal)
        let soon = try await stream.look(at: now + .milliseconds(500))
        #expect(soon != .change)
        let later = try await stream.look(at: now + .seconds(1))
        #expect(later == .change)
        // Files and triggers are in no journal.
        let file = try await stream.look(at: now + .seconds(3), host: 1)
        #expect(file == .change)
    }

    @Test("all streams together ask the journal once for each change")
    func shared() async throws {
        let journal = HeldJournal()
        let changes = ContentChanges(journal: journal)
        var now = ContinuousClock.now
        var streams: [Stream] = []
        for _ in 0..<20 { streams.append(try await Stream(journal, changes, at: now)) }
        for number in 0..<5 {
            now += .seconds(2)
            try await Self.accept("r\(number)", journal)
            for index in streams.indices {
                let notice = try await streams[index].look(at: now)
                #expect(notice == .change)
            }
        }
        #expect(journal.reads.take().fingerprints == 6)
    }
}
