internal import Synchronization

/// The run that made something which a trigger now sees.
public struct RunOrigin: Sendable, Hashable {
    /// The run's pipeline.
    public var pipeline: String
    /// The run's id.
    public var runID: String

    /// An origin; see the properties.
    public init(pipeline: String, runID: String) {
        self.pipeline = pipeline
        self.runID = runID
    }
}

/// Which run of this process wrote which file of the project lately. An entry for a folder stands for all files below it.
/// Bounded: the oldest files are forgotten.
package final class RunOrigins: Sendable {
    private struct Entry {
        var origin: RunOrigin
        /// When writing began and ended, in nanoseconds since 1970; nil while it goes on.
        var began: Int64
        var ended: Int64?
    }

    private struct State {
        var entries: [String: Entry] = [:]
        var order: [String] = []
    }

    private static let limit = 4096
    /// Modification times of files are coarse on some file systems.
    private static let tolerance: Int64 = 2_000_000_000

    private let state = Mutex(State())

    package init() {}

    package func begin(_ path: String, by origin: RunOrigin, at now: Int64) {
        state.withLock { state in
            if state.entries.updateValue(Entry(origin: origin, began: now), forKey: path) == nil {
                state.order.append(path)
            }
            guard state.order.count > Self.limit else { return }
            for path in state.order.prefix(Self.limit / 4) { state.entries[path] = nil }
            state.order.removeFirst(Self.limit / 4)
        }
    }

    package func end(_ path: String, by origin: RunOrigin, at now: Int64) {
        state.withLock { state in
            if state.entries[path]?.origin == origin { state.entries[path]?.ended = now }
        }
    }

    package func origin(of path: String, modified: Int64) -> RunOrigin? {
        state.withLock { state in
            var place = Substring(path)
            while true {
                if let entry = state.entries[String(place)], modified >= entry.began - Self.tolerance,
                    modified <= (entry.ended ?? .max - Self.tolerance) + Self.tolerance
                {
                    return entry.origin
                }
                guard let slash = place.lastIndex(of: "/") else { return nil }
                place = place[..<slash]
            }
        }
    }
}
