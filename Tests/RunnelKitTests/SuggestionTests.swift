import RunnelKit
import Testing

@Suite("Did you mean")
struct SuggestionTests {
    @Test(
        "a slip of the pen finds its word",
        arguments: [
            ("labell", "label"), ("lable", "label"), ("Label", "label"), ("bugg", "bug"), ("teh", "the"),
            ("questoin", "question"), ("maxTokens", "max_tokens"), ("max-parallel", "max_parallel"), ("ID", "id"),
            ("desc", "description"), ("timeouts", "timeout"), ("retires", "retries"), ("contnet", "content"),
            ("schema_version", "schema"), ("überschrift", "Überschrift"),
        ])
    func found(word: String, meant: String) {
        let words = [
            "label", "bug", "the", "question", "max_tokens", "max_parallel", "id", "description", "timeout", "retries",
            "content", "schema", "Überschrift",
        ]
        #expect(Suggestion.closest(to: word, among: words) == meant)
    }

    @Test(
        "what resembles nothing gets no suggestion",
        arguments: ["x", "", "if", "on", "zzz", "banana", "lamp", String(repeating: "label", count: 100)])
    func nothing(word: String) {
        #expect(Suggestion.closest(to: word, among: ["id", "y", "label", "question", "in", "feature", ""]) == nil)
    }

    @Test("the closest wins, of equals the first, and the word itself is none")
    func order() {
        #expect(Suggestion.closest(to: "steps", among: ["step", "stops", "Steps"]) == "Steps")
        #expect(Suggestion.closest(to: "cat", among: ["car", "cut"]) == "car")
        #expect(Suggestion.closest(to: "path", among: ["path"]) == nil)
        #expect(Suggestion.closest(to: "path", among: [String]()) == nil)
        #expect(Suggestion.closest(to: "conf", among: ["confidential", "config"]) == "config")
    }

    @Test("the hint suggests the closest word, and is nil if no word is close")
    func hint() {
        #expect(Suggestion.hint(for: "file.raed", among: ["file.read", "chat"]) == "did you mean \"file.read\"?")
        #expect(Suggestion.hint(for: "zzz", among: ["file.read", "chat"]) == nil)
    }
}
