import RunnelKit

/// Finds the JSON in an answer that may also hold prose, code fences and the model's reasoning.
enum JSONFinder {
    /// The JSON values of the answer in order: the whole text when it is JSON; else the outermost objects and lists in
    /// it, the fences whose content is JSON, and what is left behind the last reasoning block when that is JSON.
    ///
    /// The content of a reasoning block (`<think>…</think>` and the like) is not part of the answer. Without an opening
    /// tag, the block begins at the start of the text. Without a closing tag, it ends at the end of the text; this
    /// holds only if nothing but space is before the opening tag.
    static func values(in text: String) -> [Value] {
        if let value = try? Value.json(text) { return [value] }
        var search = Search(bytes: Array(text.utf8))
        search.run()
        return search.found
    }

    /// Why no value is found: what is wrong with the first object, with its place in the answer.
    static func problem(in text: String) -> String {
        var search = Search(bytes: Array(text.utf8))
        search.run()
        if let problem = search.problem { return "it is not JSON: \(problem)" }
        return text.isEmpty ? "it is empty" : "there is no JSON in it"
    }

    private struct Search {
        let bytes: [UInt8]
        var found: [Value] = []
        /// What is wrong with the first object that cannot be read.
        var problem: JSONError?
        private var position = 0
        /// Where the text behind the last reasoning block begins.
        private var answerStart = 0
        /// How many more bytes behind opening brackets are read in vain, so that a text of brackets takes no quadratic
        /// time.
        private var effort: Int
        /// The names of tags behind which no closing one comes any more.
        private var unclosed: Set<[UInt8]> = []

        init(bytes: [UInt8]) {
            self.bytes = bytes
            effort = max(4 << 20, 16 * bytes.count)
        }

        mutating func run() {
            while position < bytes.count {
                switch bytes[position] {
                case UInt8(ascii: "<"), UInt8(ascii: "["):
                    if let tag = ReasoningTag(in: bytes, at: position) {
                        skip(tag)
                    } else if bytes[position] == UInt8(ascii: "[") {
                        bracket()
                    } else {
                        position += 1
                    }
                case UInt8(ascii: "{"): bracket()
                case UInt8(ascii: "`"): fence()
                default: position += 1
                }
            }
            guard found.isEmpty, answerStart > 0 else { return }
            if let value = try? Value.json(Array(bytes[answerStart...])) { found.append(value) }
        }

        private mutating func skip(_ tag: ReasoningTag) {
            if tag.isClosing {
                // The block began before the text, or with a tag that the server kept to itself.
                found = []
                problem = nil
                position = tag.end
                answerStart = tag.end
                return
            }
            if let end = end(of: tag) {
                position = end
                answerStart = end
            } else if bytes[..<tag.start].allSatisfy(\.isSpace) {
                position = bytes.count
                answerStart = bytes.count
            } else {
                position = tag.end
            }
        }

        /// Behind the first closing tag of the block. A further one, of blocks that nest, then stands without an opening one.
        private mutating func end(of opening: ReasoningTag) -> Int? {
            guard !unclosed.contains(opening.name) else { return nil }
            for index in opening.end..<bytes.count
            where bytes[index] == UInt8(ascii: "<") || bytes[index] == UInt8(ascii: "[") {
                if let tag = ReasoningTag(in: bytes, at: index), tag.isClosing, tag.name == opening.name {
                    return tag.end
                }
            }
            unclosed.insert(opening.name)
            return nil
        }

        private mutating func bracket() {
            let end = effort > 0 ? balancedEnd(from: position) : nil
            guard let end, let value = try? Value.json(Array(bytes[position..<end])) else {
                keepProblem(until: end ?? bytes.count)
                effort -= (end ?? bytes.count) - position
                position += 1
                return
            }
            found.append(value)
            position = end
        }

        private mutating func keepProblem(until end: Int) {
            guard problem == nil, effort > 0, bytes[position] == UInt8(ascii: "{") else { return }
            do throws(JSONError) { _ = try Value.json(Array(bytes[position..<end])) } catch {
                let before = bytes[..<position].split(separator: 0x0A, omittingEmptySubsequences: false)
                problem = JSONError(
                    message: error.message, line: error.line + before.count - 1,
                    column: error.column + (error.line == 1 ? before.last?.count ?? 0 : 0))
            }
        }

        /// A fence whose content is JSON of any kind. Any other is read like prose.
        private mutating func fence() {
            guard isFence(position) else {
                position += 1
                return
            }
            let start = (bytes[position...].firstIndex(of: 0x0A) ?? bytes.count - 1) + 1
            var end = start
            while end < bytes.count, !isFence(end) { end += 1 }
            if let value = try? Value.json(Array(bytes[start..<end])) {
                found.append(value)
                position = min(end + 3, bytes.count)
            } else {
                position += 3
            }
        }

        /// Whether three backticks stand there that only spaces precede on their line.
        private func isFence(_ index: Int) -> Bool {
            guard bytes[index] == UInt8(ascii: "`"), index + 3 <= bytes.count,
                bytes[index..<(index + 3)].allSatisfy({ $0 == UInt8(ascii: "`") })
            else { return false }
            let before = bytes[..<index].last { $0 != 0x20 }
            return before == nil || before == 0x0A
        }

        /// Where the bracket at `start` is closed, strings skipped.
        private func balancedEnd(from start: Int) -> Int? {
            var depth = 0
            var inString = false
            var index = start
            while index < bytes.count {
                switch bytes[index] {
                case UInt8(ascii: "\\") where inString: index += 1
                case UInt8(ascii: "\""): inString.toggle()
                case UInt8(ascii: "{"), UInt8(ascii: "["): if !inString { depth += 1 }
                case UInt8(ascii: "}"), UInt8(ascii: "]"):
                    if !inString { depth -= 1 }
                    if depth == 0 { return index + 1 }
                default: break
                }
                index += 1
            }
            return nil
        }
    }
}

/// The opening or closing tag of a block in which a model thinks, `<think>` or `[/THINK]`.
private struct ReasoningTag {
    let name: [UInt8]
    let isClosing: Bool
    let start: Int
    /// Behind the tag.
    let end: Int

    private static let names = ["think", "thinking", "thought", "reasoning", "reflection", "scratchpad", "analysis"]
        .map { Array($0.utf8) }

    init?(in bytes: [UInt8], at start: Int) {
        let isAngle = bytes[start] == UInt8(ascii: "<")
        var index = start + 1
        isClosing = index < bytes.count && bytes[index] == UInt8(ascii: "/")
        if isClosing { index += 1 }
        var name: [UInt8] = []
        while index < bytes.count, name.count <= 10, bytes[index].isLetter {
            name.append(bytes[index] | 0x20)
            index += 1
        }
        // An opening tag may have attributes. In square brackets there is one word alone, and a list of JSON is none.
        if isAngle, !isClosing, index < bytes.count, bytes[index].isSpace {
            index =
                bytes[index...].prefix(200).firstIndex { $0 == UInt8(ascii: ">") || $0 == UInt8(ascii: "<") } ?? index
        }
        guard index < bytes.count, bytes[index] == UInt8(ascii: isAngle ? ">" : "]"),
            isAngle ? Self.names.contains(name) : name == Self.names[0]
        else { return nil }
        self.name = name
        self.start = start
        end = index + 1
    }
}

extension UInt8 {
    fileprivate var isSpace: Bool { self == 0x20 || (0x09...0x0D).contains(self) }
    fileprivate var isLetter: Bool { (0x41...0x5A).contains(self) || (0x61...0x7A).contains(self) }
}
