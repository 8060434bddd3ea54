internal import Logging
internal import RunnelKit
internal import Synchronization

/// Reads a file and emits its event.
struct FileTaker: Sendable {
    let reader: FileReader
    let context: TriggerContext
    let inbox: Inbox<WatchMessage>
    /// Whether the file is moved or deleted when its run ends.
    let follows: Bool
    private let duplicates = DuplicateMessages()

    init(reader: FileReader, context: TriggerContext, inbox: Inbox<WatchMessage>, follows: Bool) {
        (self.reader, self.context, self.inbox, self.follows) = (reader, context, inbox, follows)
    }

    func take(_ path: FilePath, _ status: FileStatus, known: String?) async throws {
        let result: TakeResult
        var problem: String?
        switch try await reader.read(path, expected: status) {
        case .read(let status, let hash, let arrival):
            let origin = context.origin(of: path.text, modified: status.modified)
            if hash == known {
                result = .unchanged(status)
            } else if let origin, origin.pipeline == context.pipeline, !origin.isMoved {
                context.logger.warning(
                    "\"\(path.text)\" starts no run: run \(origin.runID) of this pipeline wrote it")
                result = .ignored(LedgerEntry(status: status, hash: hash, arrival: arrival))
            } else {
                let entry = LedgerEntry(status: status, hash: hash, arrival: arrival, isPending: follows)
                (result, problem) = try await emit(path, entry, origin, isResumed: false)
            }
        case .changed(let status): result = .changed(status)
        case .gone: result = .gone
        case .notRegular: result = .unreadable
        case .failed(let failure):
            problem = "cannot read \"\(path.text)\": \(failure.reason); it is retried when it changes"
            result = .unreadable
            if failure.isShortage {
                // A shortage of resources says nothing about the file.
                inbox.post(.problem(.file(path.text), "cannot read \"\(path.text)\": \(failure.reason)"))
                try await context.clock.sleep(for: .seconds(1))
                inbox.post(.taken(path, .changed(status), problem: nil))
                return
            }
        }
        inbox.post(.taken(path, result, problem: problem))
    }

    func resume(_ path: FilePath, _ entry: LedgerEntry) async throws {
        let (result, problem) = try await emit(path, entry, nil, isResumed: true)
        inbox.post(.taken(path, result, problem: problem))
    }

    /// Retries until the event is accepted, or refused for good.
    private func emit(
        _ path: FilePath, _ entry: LedgerEntry, _ origin: RunOrigin?, isResumed: Bool
    ) async throws -> (TakeResult, problem: String?) {
        var event = FileEvent(path: path, entry: entry).event
        event.cause = origin.map { .run($0.runID) }
        var wasRefused = false
        while true {
            try Task.checkCancellation()
            do throws(TriggerRefusal) {
                let acceptance = try await context.emit(event)
                if case .accepted(let run) = acceptance { duplicates.started(run) }
                if case .duplicate(let run) = acceptance, !isResumed,
                    let message = duplicates.message(path.text, run: run, follows: follows, now: context.now())
                {
                    context.logger.warning("\(message)")
                }
                if wasRefused { inbox.post(.cleared(.emission)) }
                return (.emitted(run: acceptance.runID ?? LedgerEntry.ignoredRun, entry), nil)
            } catch {
                if error.reason == .chainTooLong {
                    var ignored = entry
                    ignored.isPending = false
                    return (.ignored(ignored), "\"\(path.text)\" starts no run: \(error.message)")
                }
                if error.reason == .journal {
                    wasRefused = true
                    inbox.post(.problem(.emission, "no run can be started for \"\(path.text)\": \(error.message)"))
                }
                try await context.clock.sleep(for: error.retryAfter)
            }
        }
    }
}

/// The log messages for files that already have a run. Where another server watches the same folder, it takes some of the
/// files; that is logged once.
final class DuplicateMessages: Sendable {
    private struct State {
        var isShared = false
        /// The latest runs that this session started. Their files can appear again, for example if a folder is moved away
        /// and back.
        var own: [String] = []
    }

    private let state = Mutex(State())

    /// The longest time between two servers' events for the same file, in milliseconds.
    private static let window: Int64 = 10_000
    private static let maximumOwn = 1024

    func started(_ run: String) {
        state.withLock { state in
            if state.own.count == 2 * Self.maximumOwn { state.own.removeFirst(Self.maximumOwn) }
            state.own.append(run)
        }
    }

    /// - Parameters:
    ///   - run: The id of the earlier run, a UUIDv7, which begins with the time of its creation.
    ///   - follows: Whether the file is moved or deleted when that run ends.
    ///   - now: Nanoseconds since 1970.
    /// - Returns: nil for a message that was logged already.
    func message(_ path: String, run: String, follows: Bool, now: Int64) -> String? {
        let time = Int64(run.filter { $0 != "-" }.prefix(12), radix: 16)
        guard let time, run.utf8.count == 36, abs(now / 1_000_000 - time) < Self.window,
            !state.withLock({ $0.own.contains(run) })
        else {
            let rest = follows ? "; the file goes where that run's result says" : ""
            return "\"\(path)\" starts no run: run \(run) was started for it before\(rest)"
        }
        let isFirst = state.withLock { state in
            defer { state.isShared = true }
            return !state.isShared
        }
        guard isFirst else { return nil }
        return "\"\(path)\" starts no run: another server or `watch` has just started run \(run) for it; "
            + "those that watch one folder share its files, and this is logged once"
    }
}

/// The stored state of the watched folder.
struct FolderRecord: Sendable, Hashable {
    static let key = "folder"

    var path: FilePath
    /// The identity of the folder when files were last found in it; nil if there were none.
    var identity: FolderIdentity?

    init(path: FilePath, identity: FolderIdentity?) {
        self.path = path
        self.identity = identity
    }

    init?(_ value: Value) {
        guard let path = value["path"]?.asString.flatMap({ FilePath(encoded: $0) }) else { return nil }
        self.path = path
        if let device = value["device"]?.asInt, let inode = value["inode"]?.asInt {
            identity = FolderIdentity(device: UInt64(bitPattern: device), inode: UInt64(bitPattern: inode))
        }
    }

    var value: Value {
        var object: ValueObject = ["path": .string(path.encoded)]
        if let identity {
            object["device"] = .int(Int64(bitPattern: identity.device))
            object["inode"] = .int(Int64(bitPattern: identity.inode))
        }
        return .object(object)
    }

    /// Whether files of the ledger that are missing in this folder are gone.
    ///
    /// If the folder is not mounted, its mount point is another folder, whose emptiness proves nothing.
    func trusts(_ identity: FolderIdentity) -> Bool { self.identity == identity }

    /// The record after a scan of the folder.
    func updated(path: FilePath, identity: FolderIdentity, hasFiles: Bool) -> FolderRecord {
        guard hasFiles || self.identity == nil || self.path != path else { return self }
        return FolderRecord(path: path, identity: identity)
    }
}

/// The identity of a folder: device and inode.
struct FolderIdentity: Sendable, Hashable {
    var device: UInt64
    var inode: UInt64
}
