import TestSupport
import Testing

@testable import WebhookPlugin

@Suite("When a webhook is sent again") struct DeliveryRetryTests {
    private let retry = DeliveryRetry(attempts: 10, backoff: .seconds(1), maxBackoff: .seconds(60))

    @Test(
        "the delay doubles up to its limit, and chance takes off up to half", arguments: [1, 7, 42, 4711] as [UInt64])
    func backoff(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        for (attempt, whole) in [(1, 1), (2, 2), (3, 4), (4, 8), (5, 16), (6, 32), (7, 60), (8, 60)] {
            let decision = retry.decide(attempt: attempt, isTransient: true, retryAfter: nil, using: &generator)
            guard case .retry(let delay) = decision else {
                Issue.record("\(decision)")
                continue
            }
            #expect(delay >= .seconds(whole) / 2)
            #expect(delay <= .seconds(whole))
        }
    }

    @Test("the same seed gives the same delays, another seed gives others")
    func seeds() {
        func delays(_ seed: UInt64) -> [DeliveryRetry.Decision] {
            var generator = SeededGenerator(seed: seed)
            return (1...5).map { retry.decide(attempt: $0, isTransient: true, retryAfter: nil, using: &generator) }
        }
        #expect(delays(1) == delays(1))
        #expect(delays(1) != delays(2))
    }

    @Test("delays read well: whole milliseconds below a second, tenths above")
    func rounding() {
        var generator = SeededGenerator(seed: 3)
        for attempt in 1...8 {
            guard
                case .retry(let delay) = retry.decide(
                    attempt: attempt, isTransient: true, retryAfter: nil, using: &generator)
            else { continue }
            let step: Duration = delay < .seconds(1) ? .milliseconds(1) : .milliseconds(100)
            #expect((delay / step).rounded() == delay / step)
        }
    }

    @Test("a receiver's Retry-After is waited for up to max_backoff, unless it is beyond all patience")
    func retryAfter() {
        var generator = SeededGenerator(seed: 1)
        func decide(_ asked: Duration) -> DeliveryRetry.Decision {
            retry.decide(attempt: 1, isTransient: true, retryAfter: asked, using: &generator)
        }
        #expect(decide(.seconds(5)) == .retry(after: .seconds(5)))
        #expect(decide(.seconds(60)) == .retry(after: .seconds(60)))
        #expect(decide(.seconds(61)) == .retry(after: .seconds(60)))
        #expect(decide(.seconds(600)) == .retry(after: .seconds(60)))
        #expect(decide(.seconds(601)) == .asksTooMuch(.seconds(601)))
        guard case .retry(let delay) = decide(.zero) else {
            Issue.record("no retry")
            return
        }
        #expect(delay >= .milliseconds(500))
    }

    @Test("what does not pass is final, and so is the last attempt")
    func giveUp() {
        var generator = SeededGenerator(seed: 1)
        #expect(retry.decide(attempt: 1, isTransient: false, retryAfter: nil, using: &generator) == .giveUp)
        #expect(retry.decide(attempt: 10, isTransient: true, retryAfter: nil, using: &generator) == .giveUp)
        #expect(retry.decide(attempt: 10, isTransient: true, retryAfter: .seconds(9999), using: &generator) == .giveUp)
    }

    @Test("an absurd attempt number or backoff does not overflow")
    func absurd() {
        var generator = SeededGenerator(seed: 1)
        let patient = DeliveryRetry(
            attempts: 100, backoff: .seconds(3_000_000_000), maxBackoff: .seconds(3_000_000_000))
        guard
            case .retry(let delay) = patient.decide(attempt: 99, isTransient: true, retryAfter: nil, using: &generator)
        else {
            Issue.record("no retry")
            return
        }
        #expect(delay <= .seconds(3_000_000_000))
    }
}
