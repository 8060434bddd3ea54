import TestSupport
import Testing
import YAML

@Suite("Mutated documents")
struct MutationTests {
    private static let fragments = [
        "\t", "\n", "\r\n", "  ", "- ", ": ", "? ", "#", "&a ", "*a", "!!int ", "!x ", "|", ">-", "|2\n", "'", "\"",
        "\\",
        "\\x", "{", "}", "[", "]", ",", "<<: ", "---\n", "...\n", "%TAG ! x\n", "%YAML 1.2\n", "日", "\u{85}",
        "\u{2028}",
        "\u{FEFF}", "{{ x }}", "\0", "\u{1B}",
    ].map { Array($0.utf8) }

    @Test("whatever is done to a document, parsing ends, with a document or an error whose places are in the text")
    func mutations() throws {
        let seed = UInt64.random(in: .min ... .max)
        var random = SeededGenerator(seed: seed)
        let documents = SuiteCase.all.map { Array($0.yaml.utf8) }
        for round in 0..<3000 {
            var bytes = documents[Int.random(in: 0..<documents.count, using: &random)]
            for _ in 0..<Int.random(in: 1...6, using: &random) { mutate(&bytes, documents, &random) }
            if round.isMultiple(of: 10) { bytes = [0xFF, 0xFE] + bytes }
            let problem = check(bytes)
            #expect(problem == nil, "seed \(seed), round \(round), bytes \(bytes)")
        }
    }

    private func check(_ bytes: [UInt8]) -> String? {
        do throws(YAMLError) {
            let document = try YAMLParser.parse(
                bytes, name: "p.yaml", limits: YAMLLimits(maxBytes: 100_000, maxDepth: 20, maxNodes: 2000))
            for node in document.root?.allScalars ?? [] {
                let text = node.scalar?.text ?? ""
                guard (try? document.source.rebuiltValue(of: node)) == text else { return "cannot rebuild \(text)" }
                for offset in stride(from: 0, through: text.utf8.count, by: max(1, text.utf8.count / 3)) {
                    let place = document.source.position(ofUTF8Offset: offset, in: node)
                    guard node.range.start <= place, place <= node.range.end else { return "\(place) is outside" }
                }
            }
            return nil
        } catch {
            let isInside = error.range.start.line >= 1 && error.range.start.line <= max(1, error.source.lineCount)
            return isInside && error.range.start <= error.range.end && !error.description.isEmpty
                ? nil : "bad error: \(error)"
        }
    }

    private func mutate(_ bytes: inout [UInt8], _ documents: [[UInt8]], _ random: inout SeededGenerator) {
        let place = Int.random(in: 0...bytes.count, using: &random)
        switch Int.random(in: 0..<6, using: &random) {
        case 0: bytes.removeSubrange(place..<min(bytes.count, place + Int.random(in: 1...8, using: &random)))
        case 1: bytes.insert(UInt8.random(in: 0...255, using: &random), at: place)
        case 2, 3:
            bytes.insert(contentsOf: Self.fragments.randomElement(using: &random) ?? [], at: place)
        case 4:
            let end = min(bytes.count, place + Int.random(in: 1...30, using: &random))
            bytes.insert(contentsOf: bytes[place..<end], at: Int.random(in: 0...bytes.count, using: &random))
        default:
            let other = documents.randomElement(using: &random) ?? []
            bytes.insert(contentsOf: other.prefix(Int.random(in: 0...40, using: &random)), at: place)
        }
    }
}
