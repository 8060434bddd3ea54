import RunnelKit
import Templates

/// Decides what becomes of the events of one trigger: `if` lets them pass or not, `debounce` folds them. Pure.
struct TriggerGate: Sendable {
    let condition: Expression?
    let debounce: DebounceDeclaration?
    let values: ProjectValues
    /// The keys of an event that `trigger.folded` leaves out; see `TriggerDocumentation.PayloadKey.isListed`.
    let unlisted: Set<String>

    /// What `if` and `debounce` can use.
    static let names = ["trigger", "input", "inputs", "vars", "secrets", "env"]

    init(_ trigger: TriggerDeclaration, _ definition: TriggerDefinition?, values: ProjectValues) {
        condition = trigger.condition?.expression
        debounce = trigger.debounce
        self.values = values
        unlisted = Set((definition?.documentation.payload ?? []).filter { !$0.isListed }.map(\.name))
    }

    /// Whether the event starts a run.
    enum Verdict: Sendable, Hashable {
        case passes
        case ignored
        /// The condition cannot be evaluated for the event.
        case failed(String)
    }

    /// A value that the event does not have is null, since one hook often gets events of several shapes.
    func verdict(_ event: () -> DictionaryScope) -> Verdict {
        guard let condition else { return .passes }
        do throws(TemplateFailure) {
            return try condition.evaluate(event(), missingIsNull: true).isTruthy ? .passes : .ignored
        } catch {
            return .failed("`if: \(condition.text)`: \(error.message)")
        }
    }

    /// How the run of an event is folded with others.
    struct Folding {
        let debounce: Debounce
        let wakeAt: Int64
        /// Why the key could not be rendered for the event; nil if it could.
        let problem: String?
    }

    /// How the event's run is folded with others; nil without `debounce`. A key that cannot be rendered counts as null:
    /// a refused event would be sent again for ever, and would block those behind it.
    ///
    /// - Parameters:
    ///   - trigger: The key of the entry under `on:`, since entries do not share runs.
    ///   - machine: The machine that the event belongs to, since a run has the files of one machine; nil for any.
    ///   - event: The event to list, with secrets masked: a text may be cut, and half a secret is not recognised.
    func folding(
        _ scope: () -> DictionaryScope, trigger: String, machine: String?, at time: Int64, event: () -> Value
    ) -> Folding? {
        guard let debounce else { return nil }
        var (key, problem): (Value?, String?) = (nil, nil)
        do throws(LocatedTemplateError) {
            key = try debounce.key?.render(scope())
        } catch {
            (key, problem) = (.null, "`debounce.key`: \(error.failure.message)")
        }
        // JSON holds no zero byte, so no key looks like another one with a machine.
        let parts = [trigger, key?.json() ?? ""] + (machine.map { [$0] } ?? [])
        let latest = time + debounce.maximum.nanoseconds
        return Folding(
            debounce: Debounce(key: parts.joined(separator: "\u{0}"), latest: latest, event: listed(event())),
            wakeAt: min(time + debounce.length.nanoseconds, latest), problem: problem)
    }

    func scope(payload: Value, input: Value, inputs: ValueObject, at time: Int64) -> DictionaryScope {
        var names: ValueObject = ["trigger": payload, "input": input, "inputs": .object(inputs)]
        for (name, value) in values.scope { names[name] = value }
        return DictionaryScope(names, now: time)
    }

    /// The maximum length of a text, a list or an object in `trigger.folded`.
    private static let textLimit = 1000
    private static let itemLimit = 50

    /// The event as it is listed in `trigger.folded`: without the keys that its trigger leaves out, and shortened.
    private func listed(_ event: Value) -> Value {
        guard case .object(let members) = event else { return Self.shortened(event) }
        let kept = members.filter { !unlisted.contains($0.key) }
        return Self.shortened(.object(ValueObject(kept.map { ($0.key, $0.value) })))
    }

    /// Whole if it is small, else with long texts and lists cut.
    static func shortened(_ value: Value, depth: Int = 6) -> Value {
        switch value {
        case .string(let text): .string(text.count > textLimit ? text.prefix(textLimit) + "…" : text)
        case .bytes: .null
        case .list(let items):
            depth > 0 ? .list(items.prefix(itemLimit).map { shortened($0, depth: depth - 1) }) : .null
        case .object(let object):
            depth > 0
                ? .object(ValueObject(object.prefix(itemLimit).map { ($0.key, shortened($0.value, depth: depth - 1)) }))
                : .null
        case .null, .bool, .int, .double: value
        }
    }
}
