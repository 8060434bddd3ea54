internal import RunnelKit

/// How a file was noticed.
enum Arrival: Sendable, Hashable {
    /// It was renamed into the folder, or closed after writing.
    case complete
    /// It is being changed.
    case active
    /// A scan found it.
    case present
}

/// An action that the ``WatchMachine`` requests.
enum WatchAction: Sendable, Hashable {
    /// Read the file and emit its event. Content with the hash `known` needs no event.
    case take(FilePath, FileStatus, known: String?)
    /// Emit the event of an entry again, to learn its run.
    case resume(FilePath, LedgerEntry)
    /// Wait for the run's end.
    case follow(FilePath, run: String)
    /// Move or delete the file if its status is unchanged.
    case finish(FilePath, FileStatus, run: String, RunEnd)
    /// Say that the file is empty, and that its run starts when it has content.
    case tellEmpty(FilePath)
    /// Scan all files.
    case rescan
}

/// The result of ``WatchAction/take(_:_:known:)``.
enum TakeResult: Sendable, Hashable {
    case emitted(run: String, LedgerEntry)
    /// It is remembered without an event.
    case ignored(LedgerEntry)
    /// The content is the known one.
    case unchanged(FileStatus)
    /// The file was changed meanwhile.
    case changed(FileStatus)
    case gone
    /// It cannot be read or is not a regular file. Another event follows when that changes.
    case unreadable
}

/// The result of ``WatchAction/finish(_:_:run:_:)``.
enum FinishResult: Sendable, Hashable {
    case done
    /// The file has changed since it was processed; it was left untouched.
    case changed(FileStatus)
}

/// The ledger's entry of a file.
struct LedgerEntry: Sendable, Hashable {
    var status: FileStatus
    /// The hash of the content; nil for an existing file ignored at the first start.
    var hash: String?
    /// When the content that was processed arrived: the time of the file's last change (ctime), which tells a file that
    /// comes again from the same file seen twice. nil in entries of older versions.
    var arrival: Int64?
    /// Whether the file is to be moved or deleted when its run ends.
    var isPending = false
    /// The run it waits for; nil when it is not known yet.
    var run: String?

    /// Stands for the run of an event that the entry's `if` ignored: the file is finished as after a success.
    static let ignoredRun = "ignored"
    static let keyPrefix = "file/"
    static func key(of path: FilePath) -> String { keyPrefix + path.encoded }
    static func path(ofKey key: String) -> FilePath? { FilePath(encoded: key.dropFirst(keyPrefix.count)) }
}

extension LedgerEntry {
    var value: Value {
        var object: ValueObject = [
            "size": .int(status.size), "modified": .int(status.modified),
            // The same 64 bits as a signed integer: inodes can exceed the range of `Int64`.
            "inode": .int(Int64(bitPattern: status.inode)),
        ]
        if let hash { object["hash"] = .string(hash) }
        if let arrival { object["arrival"] = .int(arrival) }
        if isPending { object["pending"] = true }
        if let run { object["run"] = .string(run) }
        return .object(object)
    }

    init?(_ value: Value) {
        guard let size = value["size"]?.asInt, let modified = value["modified"]?.asInt,
            let inode = value["inode"]?.asInt
        else { return nil }
        status = FileStatus(size: size, modified: modified, inode: UInt64(bitPattern: inode))
        hash = value["hash"]?.asString
        arrival = value["arrival"]?.asInt
        isPending = value["pending"]?.asBool ?? false
        run = value["run"]?.asString
    }
}

/// A FIFO queue.
struct Queue<Element> {
    private var elements: [Element] = []
    private var head = 0

    var isEmpty: Bool { head == elements.count }

    mutating func append(_ element: Element) {
        elements.append(element)
    }

    mutating func popFirst() -> Element? {
        guard head < elements.count else { return nil }
        defer {
            head += 1
            if head > 1024, head * 2 > elements.count {
                elements.removeFirst(head)
                head = 0
            }
        }
        return elements[head]
    }
}

/// A priority queue of paths by deadline: a binary heap.
struct DeadlineQueue {
    private var heap: [(deadline: Duration, path: FilePath)] = []

    var first: Duration? { heap.first?.deadline }

    mutating func push(_ path: FilePath, at deadline: Duration) {
        heap.append((deadline, path))
        var child = heap.count - 1
        while child > 0, heap[child].deadline < heap[(child - 1) / 2].deadline {
            heap.swapAt(child, (child - 1) / 2)
            child = (child - 1) / 2
        }
    }

    /// Removes and returns the earliest path whose deadline has passed.
    mutating func pop(until now: Duration) -> FilePath? {
        guard let top = heap.first, top.deadline <= now else { return nil }
        heap.swapAt(0, heap.count - 1)
        heap.removeLast()
        var parent = 0
        while true {
            let children = (2 * parent + 1..<2 * parent + 3).filter { $0 < heap.count }
            guard let least = children.min(by: { heap[$0].deadline < heap[$1].deadline }),
                heap[least].deadline < heap[parent].deadline
            else { return top.path }
            heap.swapAt(parent, least)
            parent = least
        }
    }
}

/// The active problems of a trigger by subject; decides which health changes to report.
struct ActiveProblems {
    /// The subject of a problem.
    enum Subject: Hashable {
        case root
        case memory
        case emission
        /// A file by its displayed name, since file names need not be valid text.
        case file(String)
    }

    /// The maximum number of file problems that are reported individually.
    private static let maximumProblems = 256

    /// The health without problems.
    var waiting: TriggerHealth
    private var problems: [Subject: String] = [:]
    private var saidWaiting: TriggerHealth?
    private var isFull = false

    init(waiting: TriggerHealth) {
        self.waiting = waiting
    }

    /// - Returns: The health to report; nil if it was already reported.
    mutating func raise(_ subject: Subject, _ problem: String) -> TriggerHealth? {
        guard problems[subject] != problem else { return nil }
        if problems[subject] == nil, problems.count >= Self.maximumProblems, case .file = subject {
            guard !isFull else { return nil }
            isFull = true
            return .problem("more than \(Self.maximumProblems) files have problems; only the first ones are reported")
        }
        problems[subject] = problem
        saidWaiting = nil
        return .problem(problem)
    }

    /// - Returns: The health to report, if this was the last problem.
    mutating func clear(_ subject: Subject) -> TriggerHealth? {
        problems[subject] = nil
        return wait()
    }

    /// Removes the problems of all files for which `isOver` returns true.
    mutating func clearFiles(where isOver: (String) -> Bool) -> TriggerHealth? {
        for case .file(let text) in problems.keys where isOver(text) { problems[.file(text)] = nil }
        return wait()
    }

    /// - Returns: The healthy state, if there are no problems and it was not reported yet.
    mutating func wait() -> TriggerHealth? {
        guard problems.isEmpty, saidWaiting != waiting else { return nil }
        isFull = false
        saidWaiting = waiting
        return waiting
    }
}
