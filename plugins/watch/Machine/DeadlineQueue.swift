/// Paths in the order of their deadlines: a binary heap.
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

    /// Takes out the earliest, if its deadline has come.
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
