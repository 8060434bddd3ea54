import RunnelKit
import RunnelSupport
import RunnelTesting
import Testing

@Suite("Time limits and backoff") struct DeadlineTests {
    private struct Broken: Error {}

    @Test("what ends in time is not late, whether it works or fails")
    func inTime() async throws {
        let clock = ManualClock()
        let worked = await withDeadline(.seconds(1), clock: clock) { 3 }
        #expect(!worked.isLate)
        #expect(try worked.result.get() == 3)
        let failed = await withDeadline(.seconds(1), clock: clock) { throw Broken() }
        #expect(!failed.isLate)
        #expect(throws: Broken.self) { try failed.result.get() }
    }

    @Test("what takes too long is cancelled, and what it did in that moment can be had")
    func late() async throws {
        let clock = ManualClock()
        async let limited = withDeadline(.seconds(1), clock: clock) {
            try? await clock.sleep(for: .seconds(5))
            return Task.isCancelled
        }
        await clock.waitForSleepers(2)
        clock.advance(by: .seconds(1))
        let (result, isLate) = await limited
        #expect(isLate)
        #expect(try result.get())
    }

    @Test("where the caller is cancelled nothing is late, and a failure is its cancellation")
    func cancelled() async {
        let clock = ManualClock()
        let task = Task {
            await withDeadline(.seconds(1), clock: clock) {
                do { try await clock.sleep(for: .seconds(5)) } catch { throw Broken() }
            }
        }
        await clock.waitForSleepers(2)
        task.cancel()
        let (result, isLate) = await task.value
        #expect(!isLate)
        #expect(throws: CancellationError.self) { try result.get() }
    }

    @Test("delays double up to the maximum; jitter takes off up to half")
    func backoff() {
        let backoff = Backoff(initial: .seconds(1), maximum: .seconds(5))
        #expect((1...5).map { backoff.delay(afterAttempt: $0) } == [1, 2, 4, 5, 5].map { .seconds($0) })
        #expect(backoff.delay(afterAttempt: 2, jitter: 0) == .seconds(1))
        #expect(backoff.delay(afterAttempt: 2, jitter: 0.5) == .seconds(1.5))
        #expect(backoff.delay(afterAttempt: .max) == .seconds(5))
        #expect(Backoff(initial: .zero, maximum: .seconds(5)).delay(afterAttempt: 9) == .zero)
    }
}
