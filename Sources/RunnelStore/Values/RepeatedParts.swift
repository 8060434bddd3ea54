import RunnelEngine
import RunnelKit

/// Parts of a run's trigger that are there more than once, which are stored once: the first step's input is often a part
/// of the trigger, such as the body of a webhook, and the body is often what its raw text says.
struct RepeatedParts {
    /// The key of the trigger whose value is the input.
    private var input: String
    /// All keys of the trigger, in order.
    private var keys: [String]
    /// The keys whose value is the input as well.
    private var same: [String] = []
    /// The key of the JSON text that the input is read from.
    private var text: String?

    /// Cannot begin the text of any other value: ``ValueCoding`` escapes keys that begin with the mark.
    private static let opening = "{\"\u{F8FE}parts\":"
    /// In bytes. Smaller values cost less than looking for them.
    private static let minimum = 4 << 10
    /// In bytes. Larger texts are not read once more to find out what they say.
    private static let maximum = 8 << 20

    /// What is left of the trigger, and what stands in the column of the input; nil where nothing is repeated.
    static func fold(trigger: Value, input: Value) -> (trigger: Value, input: StoredValue)? {
        var budget = minimum
        guard let object = trigger.asObject, !StoredValue.fits(input, &budget),
            let source = object.first(where: { $0.value == input })?.key
        else { return nil }
        var parts = RepeatedParts(input: source, keys: object.map(\.key))
        var rest = object
        for (key, value) in object where key != source {
            if value == input {
                parts.same.append(key)
                rest = rest.removing(key)
            } else if parts.text == nil, case .string(let text) = value, says(text, input) {
                parts.text = key
                rest = rest.removing(source)
            }
        }
        return (.object(rest), .text(parts.column))
    }

    private static func says(_ text: String, _ input: Value) -> Bool {
        switch input {
        case .object, .list: (minimum...maximum).contains(text.utf8.count) && (try? Value.json(text)) == input
        default: false
        }
    }

    private var column: String {
        var object: ValueObject = [
            "input": .string(input), "keys": .list(keys.map { .string($0) }), "same": .list(same.map { .string($0) }),
        ]
        object["text"] = text.map { .string($0) }
        return Self.opening + Value.object(object).json() + "}"
    }

    /// nil for a column that holds an input itself.
    init?(_ column: StoredValue?) {
        guard case .text(let text)? = column, text.hasPrefix(Self.opening),
            let parts = try? Value.json(String(text.dropFirst(Self.opening.count).dropLast())),
            let input = parts["input"]?.asString, let keys = parts["keys"]?.asList
        else { return nil }
        self.init(
            input: input, keys: keys.compactMap(\.asString), same: parts["same"]?.asList?.compactMap(\.asString) ?? [],
            text: parts["text"]?.asString)
    }

    private init(input: String, keys: [String], same: [String] = [], text: String? = nil) {
        (self.input, self.keys, self.same, self.text) = (input, keys, same, text)
    }

    /// Sets the whole trigger and the input of the run, whose trigger is as it was stored.
    func unfold(into run: inout RunRecord) throws(JournalError) {
        let (stored, loss) = (run.trigger, run.lost[.trigger])
        var trigger = stored
        try run.set(.input) { () throws(JournalError) -> Value? in
            if let loss { throw loss }
            let whole = try unfold(stored)
            trigger = whole.trigger
            return whole.input
        }
        run.trigger = trigger
    }

    private func unfold(_ stored: Value) throws(JournalError) -> (trigger: Value, input: Value) {
        let read = text.flatMap { stored[$0]?.asString }.flatMap { try? Value.json($0) }
        guard let value = text == nil ? stored[input] : read else {
            throw JournalError(.corrupt, "the journal holds a trigger without its part \"\(input)\"")
        }
        let pairs = keys.compactMap { key -> (String, Value)? in
            key == input || same.contains(key) ? (key, value) : stored[key].map { (key, $0) }
        }
        return (.object(ValueObject(pairs)), value)
    }
}
