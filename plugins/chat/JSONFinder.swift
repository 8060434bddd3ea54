import RunnelKit

/// Finds the JSON in an answer that may also hold prose or a code fence.
enum JSONFinder {
    /// The whole text as JSON; else what stands in its first fence that is JSON; else the first object or list in it.
    static func find(in text: String) -> Value? {
        if let value = try? Value.json(text) { return value }
        for block in fencedBlocks(of: text) {
            if let value = try? Value.json(block) { return value }
        }
        return firstObjectOrList(in: Array(text.utf8))
    }

    private static func fencedBlocks(of text: String) -> [String] {
        var blocks: [String] = []
        var open: [Substring]?
        for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
            guard line.drop(while: { $0 == " " }).hasPrefix("```") else {
                open?.append(line)
                continue
            }
            if let lines = open { blocks.append(lines.joined(separator: "\n")) }
            open = open == nil ? [] : nil
        }
        if let lines = open { blocks.append(lines.joined(separator: "\n")) }
        return blocks
    }

    /// How many opening brackets are tried, so that a text of brackets alone takes no quadratic time.
    private static let attempts = 64

    private static func firstObjectOrList(in bytes: [UInt8]) -> Value? {
        let openings = bytes.indices.lazy.filter { bytes[$0] == UInt8(ascii: "{") || bytes[$0] == UInt8(ascii: "[") }
        for start in openings.prefix(attempts) {
            guard let end = balancedEnd(of: bytes, from: start) else { continue }
            if let value = try? Value.json(Array(bytes[start..<end])) { return value }
        }
        return nil
    }

    /// Where the bracket at `start` is closed, strings skipped.
    private static func balancedEnd(of bytes: [UInt8], from start: Int) -> Int? {
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
