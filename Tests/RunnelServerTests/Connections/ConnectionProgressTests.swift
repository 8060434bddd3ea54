import NIOCore
import Testing

@testable import HTTPServing
@testable import RunnelServer

@Suite("The time that a connection may take") struct ConnectionProgressTests {
    private static let limits = ConnectionProgress.Limits(
        header: .seconds(10), idle: .seconds(60), write: .seconds(30), lingeringClose: .seconds(2))

    private static func at(_ seconds: UInt64) -> NIODeadline { .uptimeNanoseconds(seconds * 1_000_000_000) }

    private static func progress() -> ConnectionProgress { ConnectionProgress(limits: limits, now: at(100)) }

    @Test("a connection without a request may be idle for a while")
    func idle() {
        #expect(Self.progress().deadline == Self.at(160))
    }

    @Test("a header has its time from its first byte on, which further bytes do not prolong")
    func header() {
        var progress = Self.progress()
        progress.bytesCame(at: Self.at(150))
        #expect(progress.deadline == Self.at(160))
        progress.bytesCame(at: Self.at(151))
        progress.bytesCame(at: Self.at(159))
        #expect(progress.deadline == Self.at(160))
    }

    @Test("a request has no limit here, and after its answer the connection is idle again")
    func request() {
        var progress = Self.progress()
        progress.bytesCame(at: Self.at(101))
        progress.requestBegan(isLast: false)
        #expect(progress.deadline == nil)
        progress.bytesCame(at: Self.at(120))
        progress.requestEnded()
        #expect(progress.deadline == nil)
        #expect(!progress.endsWithAnswer)
        progress.answerEnded(at: Self.at(200))
        #expect(!progress.isLingering)
        #expect(progress.deadline == Self.at(260))
        progress.bytesCame(at: Self.at(250))
        #expect(progress.deadline == Self.at(260))
        progress.requestBegan(isLast: false)
        #expect(progress.deadline == nil)
    }

    @Test("an answer before the request has come whole ends the connection soon")
    func early() {
        var progress = Self.progress()
        progress.requestBegan(isLast: false)
        #expect(progress.endsWithAnswer)
        progress.answerEnded(at: Self.at(200))
        #expect(progress.isLingering)
        #expect(progress.deadline == Self.at(202))
        progress.bytesCame(at: Self.at(201))
        progress.requestEnded()
        #expect(progress.deadline == Self.at(202))
    }

    @Test("a caller who wants the connection closed gets it closed")
    func last() {
        var progress = Self.progress()
        progress.requestBegan(isLast: true)
        progress.requestEnded()
        #expect(progress.endsWithAnswer)
        progress.answerEnded(at: Self.at(200))
        #expect(progress.isLingering)
    }

    @Test("the answer to one request does not end the connection because of the next")
    func pipelined() {
        var progress = Self.progress()
        progress.requestBegan(isLast: false)
        progress.requestEnded()
        progress.requestBegan(isLast: true)
        #expect(!progress.endsWithAnswer)
        progress.answerEnded(at: Self.at(200))
        #expect(!progress.isLingering)
        #expect(progress.deadline == nil)
        progress.requestEnded()
        progress.answerEnded(at: Self.at(201))
        #expect(progress.isLingering)
    }

    @Test("an answer to what was no request ends the connection")
    func noRequest() {
        var progress = Self.progress()
        progress.bytesCame(at: Self.at(101))
        #expect(progress.endsWithAnswer)
        progress.answerEnded(at: Self.at(102))
        #expect(progress.isLingering)
        #expect(progress.deadline == Self.at(104))
    }

    @Test("a caller who does not read has a while from when nothing more fits")
    func stuck() {
        var progress = Self.progress()
        progress.requestBegan(isLast: false)
        progress.requestEnded()
        progress.writabilityChanged(to: false, at: Self.at(110))
        progress.writabilityChanged(to: false, at: Self.at(120))
        #expect(progress.deadline == Self.at(140))
        progress.writabilityChanged(to: true, at: Self.at(130))
        #expect(progress.deadline == nil)
    }

    @Test("connections leave the process enough files for everything else")
    func files() {
        #expect(ConnectionLimit.fitting(12_000, files: 1_000_000) == 12_000)
        #expect(ConnectionLimit.fitting(12_000, files: 4096) == 3840)
        #expect(ConnectionLimit.fitting(12_000, files: 256) == 128)
        #expect(ConnectionLimit.fitting(10, files: 256) == 10)
    }

    @Test("all bodies together hold no more than there is room for")
    func bodies() {
        let memory = BodyMemory(limit: 100)
        let (first, second) = (memory.share(), memory.share())
        #expect(first.take(60))
        #expect(!second.take(50))
        #expect(second.take(40))
        #expect(!first.take(1))
        #expect(memory.heldBytes == 100)
        second.end()
        second.end()
        #expect(memory.heldBytes == 60)
        #expect(first.take(40))
        first.end()
        #expect(memory.heldBytes == 0)
    }

    @Test("told to end, an idle connection ends now, and one with a request with its answer")
    func drain() {
        var idle = Self.progress()
        idle.requestBegan(isLast: false)
        idle.requestEnded()
        idle.answerEnded(at: Self.at(110))
        idle.drain(at: Self.at(120))
        #expect(idle.isLingering)
        var busy = Self.progress()
        busy.requestBegan(isLast: false)
        busy.requestEnded()
        busy.drain(at: Self.at(120))
        #expect(!busy.isLingering)
        #expect(busy.endsWithAnswer)
        #expect(busy.refusesRequests)
        busy.answerEnded(at: Self.at(130))
        #expect(busy.isLingering)
    }

    @Test("told to end, a new connection gives its first request little time, and answers it")
    func drainNew() {
        var progress = Self.progress()
        progress.drain(at: Self.at(120))
        #expect(!progress.isLingering)
        #expect(progress.deadline == Self.at(121))
        progress.bytesCame(at: Self.at(120))
        #expect(progress.deadline == Self.at(121))
        #expect(!progress.refusesRequests)
        progress.requestBegan(isLast: false)
        #expect(progress.endsWithAnswer)
        progress.requestEnded()
        progress.answerEnded(at: Self.at(122))
        #expect(progress.isLingering)
    }

    @Test("told to end, a connection gives a header that has begun to come little time, and answers its request")
    func drainHeader() {
        var progress = Self.progress()
        progress.bytesCame(at: Self.at(119))
        progress.drain(at: Self.at(120))
        #expect(progress.deadline == Self.at(121))
        #expect(!progress.refusesRequests)
        progress.requestBegan(isLast: false)
        #expect(progress.deadline == nil)
        #expect(progress.endsWithAnswer)
    }

    @Test("a connection is idle between requests, and when the header does not get on")
    func idleSince() {
        var progress = Self.progress()
        #expect(progress.idleSince == Self.at(100))
        progress.bytesCame(at: Self.at(110))
        #expect(progress.idleSince == Self.at(111))
        progress.requestBegan(isLast: false)
        #expect(progress.idleSince == nil)
        progress.requestEnded()
        #expect(progress.idleSince == nil)
        progress.answerEnded(at: Self.at(130))
        #expect(progress.idleSince == Self.at(130))
    }
}
