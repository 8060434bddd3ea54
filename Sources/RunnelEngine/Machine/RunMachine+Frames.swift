import RunnelKit

/// A running sequence, group, `for_each` or item.
struct Frame: Sendable {
    enum Kind: Sendable {
        /// Steps in sequence.
        case sequence
        /// Steps in parallel.
        case parallel
        /// A `for_each`: one ``item`` frame for each item.
        case each
        /// One iteration of a `for_each`.
        case item
    }

    /// The reason for aborting a frame.
    enum Abort: Sendable {
        case cancelled
        indirect case failed(RunError)
    }

    let kind: Kind
    /// The steps; a single one for a `for_each`.
    let steps: [PlanStep]
    /// The indices of enclosing items, outermost first.
    let items: [Int]
    var parent: Int?
    /// See ``PipelineStep/scope``.
    var scope: String?
    /// The execution that ends with the frame; nil for a phase of the run or an item.
    var owner: ExecutionKey?
    /// The items of an `each` frame.
    var values: [Value] = []
    /// The value of `item` in an `item` frame.
    var item: Value?
    /// The number of steps or items that have started.
    var begun = 0
    var running = 0
    /// The last output that was produced.
    var input: Value
    /// The outputs by step id.
    var outputs = ValueObject()
    /// Whether something in the frame produced an output.
    var hasProduced = false
    var results: [Int: Value] = [:]
    var failure: RunError?
    var abort: Abort?
    /// Whether a step or an item was ended from outside.
    var isCut = false

    /// The maximum concurrency.
    var width: Int {
        switch kind {
        case .sequence, .item: 1
        case .parallel: .max
        case .each: max(1, steps.first?.maxParallel ?? 1)
        }
    }

    var count: Int { kind == .each ? values.count : steps.count }
}

extension RunMachine {
    /// The end of an execution as seen by the enclosing frame.
    enum End: Sendable {
        case succeeded(Value)
        case skipped
        case failed(RunError)
        /// Ended from outside; the aborted frame holds the reason.
        case aborted
    }

    mutating func open(_ frame: Frame) -> Int {
        let id = nextFrame
        nextFrame += 1
        frames[id] = frame
        advance(id)
        return id
    }

    func isAborted(_ id: Int?) -> Bool {
        var current = id
        while let frame = current.flatMap({ frames[$0] }) {
            if frame.abort != nil { return true }
            current = frame.parent
        }
        return false
    }

    /// Starts what can start in the frame, and closes it when everything has completed.
    mutating func advance(_ id: Int) {
        guard let frame = frames[id] else { return }
        let isEnding = frame.failure != nil || isAborted(id)
        if isEnding || frame.begun == frame.count {
            if frame.running == 0 { close(id, frame) }
            return
        }
        guard !isStopping else { return }
        let limit = frame.kind == .parallel ? frame.parallelLimit(of: executions) : frame.width
        let begunBefore = frame.begun == 0 ? recordedCount(in: frame) : 0
        for index in frame.begun..<frame.count {
            // What had begun in an earlier life goes on, before an end that is on disk can close the frame.
            guard index < begunBefore || (frames[id]?.running ?? limit) < limit else { break }
            frames[id]?.begun += 1
            frames[id]?.running += 1
            if frame.kind == .each {
                var item = Frame(
                    kind: .item, steps: frame.steps, items: frame.items + [index], parent: id, input: frame.input)
                item.item = frame.values[index]
                _ = open(item)
            } else {
                start(frame.steps[index], in: id)
            }
        }
    }

    /// The number of steps or items of a frame with concurrency that have begun in an earlier life; they begin in order.
    private func recordedCount(in frame: Frame) -> Int {
        guard !records.isEmpty, frame.kind == .parallel || frame.kind == .each else { return 0 }
        let last = (0..<frame.count).last { index in
            let key =
                frame.kind == .each
                ? ExecutionKey(frame.steps[0].id, items: frame.items + [index])
                : ExecutionKey(frame.steps[index].id, items: frame.items)
            return records[key] != nil
        }
        return last.map { $0 + 1 } ?? 0
    }

    private mutating func close(_ id: Int, _ frame: Frame) {
        frames[id] = nil
        let end = end(of: frame)
        guard let parent = frame.parent else { return phaseEnded(frame, end) }
        if frame.kind == .item {
            if case .succeeded(let output) = end, let index = frame.items.last {
                frames[parent]?.results[index] = output
            }
            ended.append((parent, frame.steps[0], end))
        } else if let owner = frame.owner {
            // Outputs inside a group are visible after it; those inside an item are not.
            if frame.kind != .each, frame.scope == nil { frames[parent]?.outputs.merge(frame.outputs) }
            if executions[owner]?.step.groupTimeout != nil { actions.append(.stopTimer(.group(owner))) }
            ownerEnded(owner, end)
        }
    }

    private func end(of frame: Frame) -> End {
        // An abort that came too late to prevent anything has no effect: the records of the steps do not hold it, and a
        // resumed run must decide the same.
        if frame.isCut || frame.failure == nil && frame.begun < frame.count {
            switch frame.abort {
            case .failed(let error): return .failed(error)
            case .cancelled: return .aborted
            case nil: if isAborted(frame.parent) { return .aborted }
            }
        }
        if let failure = frame.failure { return .failed(failure) }
        switch frame.kind {
        case .sequence, .item: return frame.hasProduced ? .succeeded(frame.input) : .skipped
        case .parallel:
            return .succeeded(.object(ValueObject(frame.steps.map { ($0.id, frame.outputs[$0.id] ?? .null) })))
        case .each: return .succeeded(.list((0..<frame.count).map { frame.results[$0] ?? .null }))
        }
    }

    /// A direct child of the frame has ended.
    mutating func childEnded(_ id: Int, _ step: PlanStep, _ end: End) {
        guard var frame = frames[id] else { return }
        frames[id] = nil
        frame.running -= 1
        switch end {
        case .succeeded(let output) where frame.kind != .each:
            frame.outputs[step.id] = output
            if frame.kind != .parallel, !step.isOutside {
                frame.input = output
                frame.hasProduced = true
            }
        case .skipped where frame.kind != .each: frame.outputs[step.id] = .null
        case .failed(let error) where frame.kind != .each:
            if step.continuesOnError {
                frame.outputs[step.id] = .null
            } else {
                frame.failure = frame.failure ?? error
            }
        // The failure of an item with `on_error: continue` was replaced with null in its own frame.
        case .failed(let error): frame.failure = frame.failure ?? error
        case .aborted: frame.isCut = true
        case .succeeded, .skipped: break
        }
        frames[id] = frame
        advance(id)
    }

    // MARK: - Aborting

    /// Aborts everything in the frame.
    mutating func abort(_ id: Int, _ reason: Frame.Abort) {
        guard frames[id]?.abort == nil else { return }
        frames[id]?.abort = reason
        var running: [ExecutionKey] = []
        for (key, execution) in executions where isInside(execution.frame, of: id) {
            switch execution.phase {
            case .running: running.append(key)
            case .waiting:
                actions.append(.stopTimer(.retry(key)))
                end(key, .aborted, state: .cancelled)
            case .cancelled: recovered(key, .aborted)
            case .deciding, .inside: break
            }
        }
        if !running.isEmpty { actions.append(.cancelAttempts(running.sorted { $0.description < $1.description })) }
        if frames[id]?.running == 0 { advance(id) }
    }

    private func isInside(_ frame: Int, of ancestor: Int) -> Bool {
        var current: Int? = frame
        while let id = current {
            if id == ancestor { return true }
            current = frames[id]?.parent
        }
        return false
    }
}

extension Frame {
    /// The limit of a parallel group, from its owner.
    fileprivate func parallelLimit(of executions: [ExecutionKey: RunMachine.Execution]) -> Int {
        owner.flatMap { executions[$0]?.step.maxParallel }.map { max(1, $0) } ?? .max
    }
}

extension ValueObject {
    mutating func merge(_ other: ValueObject) {
        for (key, value) in other { self[key] = value }
    }
}
