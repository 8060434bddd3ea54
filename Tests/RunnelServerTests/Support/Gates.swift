import RunnelKit

/// Lets a test say when something goes on.
actor Gates: ServiceKey {
    typealias Service = Gates
    static let name = "the gates"

    private var open: Set<String> = []
    private var reached: [String: Int] = [:]
    private var waiters: [String: [AsyncStream<Void>.Continuation]] = [:]
    private var observers: [(name: String, count: Int, continuation: AsyncStream<Void>.Continuation)] = []

    /// Lets those go on who wait for arrivals.
    func arrive(at name: String) {
        reached[name, default: 0] += 1
        for observer in observers where observer.name == name && reached[name, default: 0] >= observer.count {
            observer.continuation.finish()
        }
    }

    /// Returns once the gate is open.
    func pass(_ name: String) async throws {
        arrive(at: name)
        if !open.contains(name) {
            let (stream, continuation) = AsyncStream.makeStream(of: Void.self)
            waiters[name, default: []].append(continuation)
            for await _ in stream {}
        }
        try Task.checkCancellation()
    }

    /// How many have come to the gate.
    func arrivals(at name: String) -> Int { reached[name, default: 0] }

    /// Returns once so many have come to the gate.
    func waitForArrivals(_ count: Int = 1, at name: String) async {
        guard reached[name, default: 0] < count else { return }
        let (stream, continuation) = AsyncStream.makeStream(of: Void.self)
        observers.append((name, count, continuation))
        for await _ in stream {}
    }

    /// For all who wait and will come.
    func open(_ name: String) {
        open.insert(name)
        for waiter in waiters.removeValue(forKey: name) ?? [] { waiter.finish() }
    }
}

/// Goes on when the test opens the gate.
struct PassGate: Step {
    static let name = "gate"
    static let summary = "Waits for the test."
    static let documentation = StepDocumentation(output: "The gate's name.")
    @Field("Which one.") var gate: String

    func run(_ context: StepContext) async throws -> Value {
        try await context.services.get(Gates.self).pass(gate)
        return .string(gate)
    }
}

/// Says something, piece by piece.
struct Talk: Step {
    static let name = "talk"
    static let summary = "Says something."
    static let documentation = StepDocumentation(output: "What was said.")
    @Field("The pieces.") var pieces: [String]

    func run(_ context: StepContext) async throws -> Value {
        for piece in pieces { await context.report(.text(piece)) }
        return .string(pieces.joined())
    }
}

struct Break: Step {
    static let name = "break"
    static let summary = "Fails."
    static let documentation = StepDocumentation(output: "Nothing.")
    @Field("In which words.") var message: String = "it broke"

    func run(_ context: StepContext) async throws -> Value { throw StepError(reported: "broken", message) }
}

/// Has used a model whose server told the tokens of the request alone.
struct UseModel: Step {
    static let name = "model"
    static let summary = "Uses a model."
    static let documentation = StepDocumentation(output: "Nothing.")

    func run(_ context: StepContext) async throws -> Value {
        context.journal.describe(["time_to_first_token_ms": 1500])
        context.journal.record(UsageRecord(model: "m", inputTokens: 7, estimatedOutput: 3))
        return .null
    }
}

struct TestPlugin: BudgetingPlugin {
    let name = "test"
    let gates: Gates
    var budgets: [BudgetStatus] = []
    var steps: [StepDefinition] {
        [
            StepDefinition(PassGate.self), StepDefinition(Talk.self), StepDefinition(Break.self),
            StepDefinition(UseModel.self),
        ]
    }
    var triggers: [TriggerDefinition] { [TriggerDefinition(Upload.self)] }

    func budgets(_ context: MonitoringContext) async throws -> [BudgetStatus] { budgets }

    func registerServices(in services: Services) async {
        let gates = gates
        await services.register(Gates.self) { _ in gates }
    }
}
