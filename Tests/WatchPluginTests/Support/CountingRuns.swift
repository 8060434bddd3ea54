import RunnelKit
import RunnelTesting

/// Plays the engine for very many events: it remembers no more than their keys.
actor CountingRuns: TriggerRuns {
    private(set) var runs: [String: String] = [:]
    private(set) var paths: Set<String> = []
    private(set) var mostAtOnce = 0
    private var now = 0
    private let memory: RecordedMemory
    private var waiters: [(count: Int, continuation: CheckedContinuation<Void, Never>)] = []
    private var isGateShut = false
    private var atGate: CheckedContinuation<Void, Never>?
    private var gateWaiter: CheckedContinuation<Void, Never>?

    init(memory: RecordedMemory) {
        self.memory = memory
    }

    func accept(_ event: TriggerEvent) async throws(TriggerRefusal) -> TriggerAcceptance {
        now += 1
        mostAtOnce = max(mostAtOnce, now)
        // As long as a write to disk takes, more or less: others come meanwhile.
        for _ in 0..<8 { await Task.yield() }
        now -= 1
        memory.set(event.memory)
        // The key of a file is never nil.
        let key = event.dedupeKey ?? ""
        if let run = runs[key] { return .duplicate(runID: run) }
        let run = "run-\(runs.count + 1)"
        runs[key] = run
        paths.insert(event.input.text)
        for waiter in waiters where waiter.count <= runs.count { waiter.continuation.resume() }
        waiters.removeAll { $0.count <= runs.count }
        return .accepted(runID: run)
    }

    func waitForRuns(_ count: Int) async {
        guard runs.count < count else { return }
        await withCheckedContinuation { waiters.append((count, $0)) }
    }

    /// Knows no run.
    func follow(
        _ runID: String, _ body: @escaping @Sendable (RunUpdate) async -> Void
    ) async throws -> RunEnd {
        throw StepError(.noSuchRun, "there is no run \(runID)")
    }

    func cancel(_ runID: String) {}
    func relocate(_ runID: String, from input: Value?, to source: RunSource) {}

    // MARK: A trigger that is held up

    private(set) var health: [TriggerHealth] = []

    func report(_ health: TriggerHealth) async {
        self.health.append(health)
        for waiter in healthWaiters where waiter.count <= self.health.count { waiter.continuation.resume() }
        healthWaiters.removeAll { $0.count <= self.health.count }
        guard isGateShut else { return }
        await withCheckedContinuation { continuation in
            atGate = continuation
            gateWaiter?.resume()
            gateWaiter = nil
        }
    }

    private var healthWaiters: [(count: Int, continuation: CheckedContinuation<Void, Never>)] = []

    func waitForHealth(_ count: Int) async {
        guard health.count < count else { return }
        await withCheckedContinuation { healthWaiters.append((count, $0)) }
    }

    /// Whoever reports has to wait from now on.
    func shutGate() { isGateShut = true }

    func waitUntilHeldUp() async {
        guard atGate == nil else { return }
        await withCheckedContinuation { gateWaiter = $0 }
    }

    func openGate() {
        isGateShut = false
        atGate?.resume()
        atGate = nil
    }
}
