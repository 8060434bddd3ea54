import RunnelKit
import RunnelSupport
import Synchronization

/// What one attempt of a step stores besides its output; its driver takes it into the commit that ends the attempt.
final class AttemptJournal: StepJournal {
    /// What the driver takes.
    struct Content {
        var with: Value?
        var attributes: ValueObject = [:]
        var usage: [(record: UsageRecord, at: Int64)] = []
        var memories: [(change: StepMemoryChange, at: Int64)] = []
    }

    /// In bytes of JSON, together and of one text.
    private static let withLimit = (whole: 128 << 10, text: 32 << 10)
    private static let attributeLimit = (whole: 64 << 10, text: 32 << 10)
    private static let checkpointLimit = 64 << 10
    /// A step that calls a model without end must not fill the memory.
    private static let maximumCount = 10_000

    private struct State {
        var content = Content()
        /// Whether something is to be stored while the attempt is running.
        var isNew = false
        var isInterrupted = false
        var partialOutput: Value?
    }

    let checkpoint: Value?
    private let key: ExecutionKey
    private let uses: String
    private let storage: RunStorage?
    private let prices: PriceTable
    private let onUsage: @Sendable (UsageRecord) -> Void
    private let now: @Sendable () -> Int64
    private let state = Mutex(State())

    /// - Parameters:
    ///   - storage: nil for a run that is not kept.
    ///   - onUsage: Gets each record with plausible numbers at once, also in a run that is not kept.
    init(
        key: ExecutionKey, uses: String, checkpoint: Value?, storage: RunStorage?, prices: PriceTable,
        onUsage: @escaping @Sendable (UsageRecord) -> Void, now: @escaping @Sendable () -> Int64
    ) {
        self.key = key
        self.uses = uses
        self.checkpoint = checkpoint
        self.storage = storage
        self.prices = prices
        self.onUsage = onUsage
        self.now = now
    }

    // MARK: For the driver

    var isInterrupted: Bool { state.withLock { $0.isInterrupted } }

    /// What the attempt had produced when it failed or was cancelled. A time limit around it does not hand on its error.
    var partialOutput: Value? {
        get { state.withLock { $0.partialOutput } }
        set { state.withLock { $0.partialOutput = newValue } }
    }

    /// Says that the attempt, which is about to be cancelled, resumes with the run.
    func interrupt() {
        state.withLock { $0.isInterrupted = true }
    }

    /// Keeps the rendered `with:`, sealed, without passwords in URLs, with long texts cut.
    func rendered(_ with: ValueObject) {
        guard let storage, !with.isEmpty else { return }
        let kept = storage.seal.seal(URLCredentials.masked(.object(with))).cut(Self.withLimit)
        state.withLock { state in
            state.content.with = kept
            state.isNew = true
        }
    }

    /// What is there to be stored. Facts stay, usage and memory are taken.
    func take() -> Content {
        state.withLock { state in
            let content = state.content
            state.content.usage = []
            state.content.memories = []
            return content
        }
    }

    /// What is known so far and was not stored yet; nil if there is nothing.
    func takeUpdate() -> StepUpdate? {
        state.withLock { state in
            guard state.isNew else { return nil }
            state.isNew = false
            let attributes = state.content.attributes
            return StepUpdate(
                key, with: state.content.with, attributes: attributes.isEmpty ? nil : .object(attributes))
        }
    }

    // MARK: For the step

    func save(checkpoint: Value) async throws {
        guard let storage else { return }
        let sealed = storage.seal.seal(checkpoint)
        let size = sealed.json().utf8.count
        guard size <= Self.checkpointLimit else {
            throw StepError(
                StepErrorCode.checkpointTooLarge,
                "a checkpoint of \(size) bytes is larger than \(Self.checkpointLimit >> 10) KiB",
                hint: "keep what identifies the work, not its content")
        }
        var commit = RunCommit(lease: storage.lease)
        commit.updates = [StepUpdate(key, checkpoint: sealed)]
        try await storage.journal.commit(commit, .durable)
    }

    func describe(_ attributes: ValueObject) {
        guard let storage else { return }
        RunMetrics.observe(attributes)
        let sealed = storage.seal.seal(.object(attributes)).cut(Self.attributeLimit).asObject ?? [:]
        state.withLock { state in
            state.isNew = true
            for (key, value) in sealed {
                if value.isNull {
                    state.content.attributes[key] = nil
                } else if state.content.attributes.count < 64 {
                    state.content.attributes[key] = value
                }
            }
        }
    }

    func record(_ usage: UsageRecord) {
        let usage = usage.plausible
        onUsage(usage)
        guard storage != nil else { return }
        RunMetrics.observe(usage)
        let at = now()
        state.withLock { if $0.content.usage.count < Self.maximumCount { $0.content.usage.append((usage, at)) } }
    }

    func remember(_ change: StepMemoryChange) {
        guard let storage else { return }
        let sealed = change.sealed(by: storage.seal)
        let at = now()
        state.withLock { if $0.content.memories.count < Self.maximumCount { $0.content.memories.append((sealed, at)) } }
    }

    func value(for key: String) async throws -> Value? {
        try await memory(key)?.value
    }

    func entries(of key: String) async throws -> [Value] {
        try await memory(key)?.entries ?? []
    }

    private func memory(_ key: String) async throws -> StepMemory? {
        guard let storage else { return nil }
        var memory = try await storage.journal.memory(of: uses, key: storage.seal.seal(key), at: now())
        memory.value = memory.value.map(storage.seal.unseal)
        memory.entries = memory.entries.map(storage.seal.unseal)
        return memory
    }

    func usage(since: Int64, pipeline: String?) async throws -> UsageTotal {
        guard let storage else { return UsageTotal() }
        return try await storage.journal.usage(UsageQuery(since: since, pipeline: pipeline)).total(prices)
    }
}

extension StepMemoryChange {
    fileprivate func sealed(by seal: SecretSeal) -> StepMemoryChange {
        switch self {
        case .set(let key, let value, let keep): .set(seal.seal(key), seal.seal(value), keep: keep)
        case .append(let key, let value, let limit, let keep):
            .append(seal.seal(key), seal.seal(value), limit: limit, keep: keep)
        case .remove(let key): .remove(seal.seal(key))
        }
    }
}

extension Value {
    /// The value with long texts cut, and with what is beyond the limit of the whole left out. A reference to a secret is
    /// never cut in two.
    func cut(_ limit: (whole: Int, text: Int)) -> Value {
        var budget = limit.whole
        return cut(text: limit.text, &budget)
    }

    private func cut(text limit: Int, _ budget: inout Int) -> Value {
        budget -= 8
        switch self {
        case .string(let text):
            let room = max(0, min(limit, budget))
            budget -= min(text.utf8.count, room)
            guard text.utf8.count > room else { return self }
            return .string(text.whole(upTo: room) + "… (\(text.utf8.count) bytes)")
        case .bytes(let bytes): return .string("(\(bytes.count) bytes)")
        case .list(let items):
            var kept: [Value] = []
            for item in items {
                guard budget > 0 else {
                    kept.append(.string("… (\(items.count) entries)"))
                    break
                }
                kept.append(item.cut(text: limit, &budget))
            }
            return .list(kept)
        case .object(let object):
            var kept: ValueObject = [:]
            for (key, value) in object {
                budget -= key.utf8.count
                guard budget > 0 else {
                    kept["…"] = .string("(\(object.count) keys)")
                    break
                }
                kept[key] = value.cut(text: limit, &budget)
            }
            return .object(kept)
        case .null, .bool, .int, .double: return self
        }
    }
}

extension String {
    /// The beginning in whole characters, without a reference to a secret that does not end in it; see ``SecretSeal``.
    fileprivate func whole(upTo bytes: Int) -> String {
        var end = utf8.index(startIndex, offsetBy: min(bytes, utf8.count))
        while end > startIndex, end.samePosition(in: unicodeScalars) == nil { end = utf8.index(before: end) }
        let beginning = self[..<end]
        guard let opening = beginning.unicodeScalars.lastIndex(where: { $0.value == 0xFDD0 }),
            !beginning.unicodeScalars[opening...].contains(where: { $0.value == 0xFDD1 })
        else { return String(beginning) }
        return String(beginning[..<opening])
    }
}

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
    /// How often it must be cancelled first.
    let cancellations: Int
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

    /// Replaces secrets with references.
    mutating func seal(by seal: SecretSeal) {
        output = output.map(seal.seal)
        items = items.map(seal.seal)
    }
}
