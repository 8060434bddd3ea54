internal import RunnelKit

/// Answers to messages that came in one list, which go back in one list when the last of them is there (JSON-RPC 2.0,
/// section 6).
struct BatchedAnswers: Sendable {
    private struct Batch {
        var answers: [Value] = []
        var missing: Int
    }

    private var batches: [Int: Batch] = [:]
    private var next = 0

    /// - Parameter answers: How many answers there will be; more than none.
    mutating func open(awaiting answers: Int) -> Int {
        next += 1
        batches[next] = Batch(missing: answers)
        return next
    }

    /// - Parameter answer: nil where the call was cancelled, and so has none.
    /// - Returns: The list, when nothing is missing any more and something is in it.
    mutating func add(_ answer: Value?, to number: Int) -> Value? {
        guard var batch = batches[number] else { return nil }
        batch.missing -= 1
        if let answer { batch.answers.append(answer) }
        guard batch.missing == 0 else {
            batches[number] = batch
            return nil
        }
        batches[number] = nil
        return batch.answers.isEmpty ? nil : .list(batch.answers)
    }
}
