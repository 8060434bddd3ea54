import RunnelKit

/// Finds the JSON in an answer that may also hold prose, code fences and the model's reasoning.
enum JSONFinder {
    /// The JSON values of the answer in order: the whole text when it is JSON; else the outermost objects and lists in
    /// it, the fences whose content is JSON, and what is left behind the last reasoning block when that is JSON.
    ///
    /// Nothing is searched for inside an object or list that has a slip, because its parts are not the answer. When the
    /// last object or list in the text has one, there are no values.
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

    /// Why no value is found: what is wrong with the object or list that is the answer, with its place in the text.
    static func problem(in text: String) -> String {
        var search = Search(bytes: Array(text.utf8))
        search.run()
        if let problem = search.problem() { return "it is not JSON: \(problem)" }
        return text.isEmpty ? "it is empty" : "there is no JSON in it"
    }

    private struct Search {
        let bytes: [UInt8]
        var found: [Value] = []
        private var position = 0
        /// The last object or list that begins like JSON and cannot be read; nil once a value or a closing reasoning tag
        /// has come behind it.
        private var unreadable: Range<Int>?
        /// The first braces of prose.
        private var prose: Range<Int>?
        /// Where the fence ends in which the search is.
        private var fenceEnd = 0
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
            if unreadable != nil { found = [] }
            guard found.isEmpty, unreadable == nil, answerStart > 0 else { return }
            if let value = try? Value.json(Array(bytes[answerStart...])) { found.append(value) }
        }

        private mutating func skip(_ tag: ReasoningTag) {
            if tag.isClosing {
                // The block began before the text, or with a tag that the server kept to itself.
                found = []
                unreadable = nil
                prose = nil
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
            if let end, let value = try? Value.json(Array(bytes[position..<end])) {
                add(value, end: end)
                return
            }
            let range = position..<(end ?? bytes.count)
            if beginsJSON(position) {
                skipUnreadable(until: end ?? (fenceEnd > position ? fenceEnd : bytes.count))
            } else {
                if effort > 0, bytes[position] == UInt8(ascii: "{") { prose = prose ?? range }
                position += 1
            }
            effort -= range.upperBound - position
        }

        private mutating func add(_ value: Value, end: Int) {
            found.append(value)
            unreadable = nil
            position = end
        }

        /// A draft that the model did not finish ends with its reasoning.
        private mutating func skipUnreadable(until end: Int) {
            unreadable = position..<end
            position =
                (position..<end).first { index in
                    (bytes[index] == UInt8(ascii: "<") || bytes[index] == UInt8(ascii: "["))
                        && ReasoningTag(in: bytes, at: index)?.isClosing == true
                } ?? end
        }

        /// Whether the bracket begins an object or a list, perhaps with a slip, and not prose: a key with a value, or a
        /// list's values, follow.
        private func beginsJSON(_ start: Int) -> Bool {
            var index = start
            // JSON nests deeper, but not with one bracket right behind the other.
            for _ in 0..<16 {
                let isList = bytes[index] == UInt8(ascii: "[")
                index = bytes[(index + 1)...].firstIndex { !$0.isSpace } ?? bytes.count
                let rest = bytes[index...]
                switch rest.first {
                case UInt8(ascii: "\""), UInt8(ascii: "'"): return true
                case UInt8(ascii: "{") where isList, UInt8(ascii: "[") where isList: continue
                case UInt8(ascii: "/"): return rest.starts(with: "//".utf8) || rest.starts(with: "/*".utf8)
                default: break
                }
                let word = rest.prefix { $0.isLetter || $0.isDigit || $0 == UInt8(ascii: "_") }
                guard let next = bytes[word.endIndex...].firstIndex(where: { !$0.isSpace }) else { return false }
                guard isList else {
                    return !word.isEmpty && bytes[next] == UInt8(ascii: ":") && beginsValue(behind: next)
                }
                guard word.first?.isDigit == true || Self.words.contains(String(decoding: word, as: UTF8.self)) else {
                    return false
                }
                return bytes[next] == UInt8(ascii: "]") || bytes[next] == UInt8(ascii: ",") && beginsValue(behind: next)
            }
            return false
        }

        /// Whether a value begins behind a colon or comma, perhaps with a slip; prose such as `[1, p. 5]` has none there.
        private func beginsValue(behind index: Int) -> Bool {
            let rest = bytes[(index + 1)...].drop(while: \.isSpace)
            guard let first = rest.first else { return true }
            if first.isDigit || #"-"'[{]}/"#.utf8.contains(first) { return true }
            return Self.words.contains(String(decoding: rest.prefix(while: \.isLetter), as: UTF8.self))
        }

        private static let words: Set<String> = ["true", "false", "null"]

        func problem() -> JSONError? {
            guard let range = unreadable ?? prose else { return nil }
            do throws(JSONError) { _ = try Value.json(Array(bytes[range])) } catch {
                let before = bytes[..<range.lowerBound].split(separator: 0x0A, omittingEmptySubsequences: false)
                return JSONError(
                    message: error.message, line: error.line + before.count - 1,
                    column: error.column + (error.line == 1 ? before.last?.count ?? 0 : 0))
            }
            return nil
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
                add(value, end: min(end + 3, bytes.count))
            } else {
                fenceEnd = end
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
    fileprivate var isDigit: Bool { (0x30...0x39).contains(self) }
}
