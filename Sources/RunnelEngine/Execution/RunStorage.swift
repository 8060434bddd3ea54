import RunnelKit

/// Where a run is kept while it is worked on.
struct RunStorage: Sendable {
    let journal: any Journal
    let lease: Lease
    let seal: SecretSeal
    /// What an earlier life of the run left.
    let steps: [StepRecord]
    /// How long the run was worked on in earlier lives.
    let worked: Duration
    /// Whether its worker died and no step of it has ended since: then it is written at once which step begins.
    let isSuspect: Bool
    /// Whether it is to be cancelled before anything else.
    let isCancelled: Bool
}

extension StepRecord {
    /// With the secrets where they were.
    func opened(by seal: SecretSeal) -> StepRecord {
        var copy = self
        copy.output = output.map(seal.open)
        copy.items = items.map(seal.open)
        return copy
    }

    /// With the secrets taken out.
    func sealed(by seal: SecretSeal) -> StepRecord {
        var copy = self
        copy.output = output.map(seal.close)
        copy.items = items.map(seal.close)
        return copy
    }
}
