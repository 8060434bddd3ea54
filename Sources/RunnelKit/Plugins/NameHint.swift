/// What to write in place of names that users of other tools try, such as `timezone` for `tz`.
///
/// A step or trigger lists its hints in ``Step/nameHints`` or ``Trigger/nameHints``:
///
///     static let nameHints = [
///         NameHint("write `timezone: …`", for: ["tz", "time_zone"]),
///         NameHint("write `tide: { harbour: … }`", for: ["flood", "ebb"], in: .name),
///     ]
///
/// A hint is printed below the error for an unknown name. A name that exists is no error, so a hint for it is never
/// printed. If several plugins have a hint for the same name and place, the first plugin's is printed.
public struct NameHint: Sendable, Hashable {
    /// Where users try a name. The raw values are those of `place` in `plugin.yaml`.
    @nonexhaustive public enum Place: String, Sendable, Hashable, CaseIterable, FieldChoice {
        /// As a key of the step's `with:`, or of the trigger's entry under `on:`. Keys of objects inside it do not count.
        case keys
        /// As the name of a step after `uses:` if a step declares the hint; of a trigger under `on:` if a trigger does.
        case name
        /// As a key of any step of a pipeline, beside `uses:` or in its place.
        case step
        /// As a key at the top of a pipeline.
        case pipeline
    }

    /// What to write instead: an imperative without a full stop, such as "write `timezone: …`".
    public let hint: String
    /// The names, as users write them. Case matters.
    public let names: [String]
    /// Where users try the names.
    public let place: Place

    /// A hint for names; see the properties.
    public init(_ hint: String, for names: [String], in place: Place = .keys) {
        self.hint = hint
        self.names = names
        self.place = place
    }
}

extension [NameHint] {
    /// The first hint for a name in a place; nil if there is none.
    package func hint(for name: String, in place: NameHint.Place = .keys) -> String? {
        first { $0.place == place && $0.names.contains(name) }?.hint
    }
}

extension StepRegistry {
    /// The hints of all steps, in the order of the plugins.
    package var stepHints: [NameHint] { plugins.flatMap { $0.steps.flatMap(\.nameHints) } }
    /// The hints of all triggers, in the order of the plugins.
    package var triggerHints: [NameHint] { plugins.flatMap { $0.triggers.flatMap(\.nameHints) } }
}
