import RunnelKit

/// Which steps of a run are listed.
public struct StepSearch: Sendable, Hashable {
    /// The step that is looked at, by ``ExecutionKey/description``. nil: the one of ``failed``; without one the last that
    /// goes on, then the last that failed, then the last. Groups and loops only where there is nothing else.
    public var selected: String?
    /// The step whose error is that of the run, by ``ExecutionKey/description``.
    public var failed: String?
    /// The first row; nil: the selected step is in the middle.
    public var first: Int?
    /// The maximum number of rows.
    public var limit: Int

    package init(selected: String? = nil, failed: String? = nil, first: Int? = nil, limit: Int) {
        (self.selected, self.failed, self.first, self.limit) = (selected, failed, first, limit)
    }

    /// The first row of the window.
    ///
    /// - Parameters:
    ///   - index: The row of the selected step; nil if there is no such step.
    ///   - count: The number of all rows.
    package func firstRow(selected index: Int?, of count: Int) -> Int {
        if let first { return min(max(0, first), max(0, count - 1)) }
        return max(0, min((index ?? 0) - limit / 2, count - limit))
    }
}

/// Some steps of a run in start order, and what there is to know of all of them. Steps in it are without values:
/// `output`, `error`, `with`, `attributes` and `checkpoint` are nil, and `items` is null where there are some.
public struct StepWindow: Sendable, Hashable {
    /// The number of all steps.
    public var count = 0
    /// When the first step started, in nanoseconds since 1970.
    public var startedAt: Int64?
    /// When a step last started or ended.
    public var changedAt: Int64?
    /// The row of the first step in ``rows``, from 0.
    public var first = 0
    /// The listed steps.
    public var rows: [StepRecord] = []
    /// The steps that go on, the latest ``maximumOpen`` of them.
    public var open: [StepRecord] = []
    /// How many items have ended, for each `for_each` in ``rows``.
    package var done: [ExecutionKey: Int] = [:]
    /// See ``StepSearch/selected``; nil if there is no such step.
    package var selected: ExecutionKey?

    package static let maximumOpen = 200

    package init() {}
}

extension StepRecord {
    /// The record without its values; see ``StepWindow``.
    package var withoutValues: StepRecord {
        var record = self
        (record.output, record.error, record.with, record.attributes, record.checkpoint) = (nil, nil, nil, nil, nil)
        if items != nil { record.items = .some(.null) }
        return record
    }

    /// Whether it is neither a group nor a `for_each`.
    package var isLeaf: Bool { !uses.isEmpty && items == nil }
}

extension ExecutionKey {
    /// Whether it is an item of the `for_each` with this key.
    package func isItem(of other: ExecutionKey) -> Bool {
        step == other.step && items.count == other.items.count + 1 && items.starts(with: other.items)
    }
}
