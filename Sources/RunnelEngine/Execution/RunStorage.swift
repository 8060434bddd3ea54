import RunnelKit

/// The stored state of a run while it is worked on.
struct RunStorage: Sendable {
    let journal: any Journal
    let lease: Lease
    let seal: SecretSeal
    /// The step records of earlier claims.
    let steps: [StepRecord]
    /// The time worked on the run in earlier claims.
    let worked: Duration
    /// Whether its worker died and no step has ended since: then starts of steps are written at once.
    let isSuspect: Bool
    /// Whether it must be cancelled first.
    let isCancelled: Bool
}

extension StepRecord {
    /// The record with secrets restored.
    func opened(by seal: SecretSeal) -> StepRecord {
        var copy = self
        copy.output = output.map(seal.unseal)
        copy.items = items.map(seal.unseal)
        copy.checkpoint = checkpoint.map(seal.unseal)
        return copy
    }

    /// The record with secrets sealed.
    func sealed(by seal: SecretSeal) -> StepRecord {
        var copy = self
        copy.output = output.map(seal.seal)
        copy.items = items.map(seal.seal)
        return copy
    }
}
