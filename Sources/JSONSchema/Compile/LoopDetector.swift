/// Finds schemas that apply themselves to the very same value again, whatever it is.
enum LoopDetector {
    private enum Mark { case open, done }

    /// A node of a loop, when there is one.
    static func loop(in program: SchemaProgram) -> NodeID? {
        var marks: [Mark?] = Array(repeating: nil, count: program.nodes.count)
        for start in program.nodes.indices where marks[start] == nil {
            marks[start] = .open
            var way = [(node: start, next: next(start, program))]
            while let last = way.indices.last {
                guard let next = way[last].next.popLast() else {
                    marks[way[last].node] = .done
                    way.removeLast()
                    continue
                }
                switch marks[next] {
                case .open: return next
                case .done: break
                case nil:
                    marks[next] = .open
                    way.append((next, self.next(next, program)))
                }
            }
        }
        return nil
    }

    private static func next(_ node: NodeID, _ program: SchemaProgram) -> [NodeID] {
        program.nodes[node].keywords.flatMap(\.alwaysInPlace)
    }
}
