import RunnelEngine
import RunnelKit

/// Random commits of one run, as its driver could make them: only running steps are updated.
struct RandomCommits {
    private(set) var commits: [RunCommit] = []

    private static let lease = Lease(runID: "", worker: WorkerID(""), epoch: 0)

    init(_ generator: inout some RandomNumberGenerator) {
        var running: Set<String> = []
        for number in 0..<Int.random(in: 2...14, using: &generator) {
            var commit = RunCommit(lease: Self.lease, events: [.int(Int64(number))])
            if let key = running.sorted().randomElement(using: &generator),
                Int.random(in: 0..<3, using: &generator) == 0
            {
                let update = StepUpdate(
                    ExecutionKey(key) ?? ExecutionKey("none"), with: Self.value(number, &generator),
                    attributes: Self.value(number, &generator), checkpoint: Self.value(number, &generator))
                commit.updates.append(update)
            } else {
                for key in ["one", "two[0]", "three"].shuffled(using: &generator).prefix(
                    Int.random(in: 1...2, using: &generator))
                {
                    let states: [StepRecord.State] = [.running, .running, .waiting, .succeeded, .failed]
                    var record = step(key, states.randomElement(using: &generator) ?? .running)
                    (record.with, record.attributes) = (Self.value(number, &generator), Self.value(number, &generator))
                    (record.checkpoint, record.items) = (Self.value(number, &generator), Self.value(number, &generator))
                    if record.state != .running { record.checkpoint = nil }
                    if record.state == .running { running.insert(key) } else { running.remove(key) }
                    commit.steps.append(record)
                }
            }
            commits.append(commit)
        }
    }

    private static func value(_ number: Int, _ generator: inout some RandomNumberGenerator) -> Value? {
        Bool.random(using: &generator) ? ["number": .int(Int64(number))] : nil
    }
}
