import TestSupport

/// Makes chunks of many shapes, the same ones for the same seed.
struct ChunkGenerator {
    private var random: SeededGenerator

    init(seed: UInt64) {
        random = SeededGenerator(seed: seed)
    }

    private mutating func below(_ bound: Int) -> Int { Int(random.next() % UInt64(bound)) }
    private mutating func pick(_ choices: [String]) -> String { choices[below(choices.count)] }
    private mutating func chance(_ percent: Int) -> Bool { below(100) < percent }

    private mutating func string() -> String {
        let pieces = [
            "a", "word", " ", "こんにちは", "🙂", "é", "\\n", "\\\"", "\\\\", "\\/", "\\u3053", "\\ud83d\\ude42", "\\u00e9",
            "{", "}", "[", "]", ",", ":", "content", "data: ", "\\t", "0", "\u{7F}", "\u{2028}",
        ]
        return (0..<below(6)).map { _ in pick(pieces) }.joined()
    }

    private mutating func space() -> String { chance(10) ? pick([" ", "\n", "\t", "  "]) : "" }

    private mutating func scalar() -> String {
        pick(["0", "-1", "1.5e3", "1773499412706", "true", "false", "null", "\"\(string())\"", "\"x\""])
    }

    private mutating func object(_ members: [(String, String)]) -> String {
        var members = members
        if chance(20), members.count > 1 { members.swapAt(0, members.count - 1) }
        let body = members.map { "\(space())\"\($0.0)\"\(space()):\(space())\($0.1)\(space())" }.joined(separator: ",")
        return "{\(body)}"
    }

    private mutating func delta() -> String {
        var members: [(String, String)] = []
        if chance(92) { members.append(("content", chance(5) ? "null" : "\"\(string())\"")) }
        if chance(6) { members.append(("role", "\"assistant\"")) }
        if chance(4) { members.append(("tasks", #"[{"title":"t","status":"s","timestamp":5}]"#)) }
        if chance(3) { members.append(("messageInfo", #"{"messageId":"m"}"#)) }
        if chance(3) { members.append(("reasoning", scalar())) }
        return object(members)
    }

    private mutating func choice() -> String {
        var members: [(String, String)] = []
        if chance(50) { members.append(("index", chance(95) ? "0" : "1")) }
        members.append(("delta", delta()))
        if chance(25) { members.append((pick(["finishReason", "finish_reason"]), chance(70) ? "null" : "\"stop\"")) }
        if chance(10) { members.append(("logprobs", "null")) }
        return object(members)
    }

    mutating func chunk() -> String {
        var members: [(String, String)] = []
        if chance(40) { members.append(("createdAt", "\"2026-11-23T10:00:00.000Z\"")) }
        if chance(40) { members.append(("model", "\"AGENTIC STAR\"")) }
        if chance(20) { members.append((pick(["id", "object", "created", "choicez", "errors"]), scalar())) }
        let count = chance(95) ? 1 : below(3)
        members.append(("choices", "[" + (0..<count).map { _ in choice() }.joined(separator: ",") + "]"))
        if chance(8) { members.append(("usage", chance(50) ? "null" : #"{"total_tokens":3}"#)) }
        if chance(3) { members.append(("error", chance(50) ? "null" : #"{"message":"m"}"#)) }
        if chance(2) { members.append(("success", chance(50) ? "true" : "false")) }
        return object(members)
    }

    /// Does one small harm.
    mutating func damage(_ bytes: inout [UInt8]) {
        let position = below(bytes.count)
        switch below(3) {
        case 0: bytes[position] = UInt8(truncatingIfNeeded: random.next())
        case 1: bytes.remove(at: position)
        default: bytes.insert(bytes[position], at: position)
        }
    }
}
