import RunnelKit
import Templates

/// A secret that has no value any more, in a stored value that a run needs.
public struct LostSecret: Sendable, Hashable {
    /// The name of the secret.
    public let name: String
    /// Where it stands, for messages: "the input \"who\"".
    package let place: String

    /// What is wrong.
    public var problem: String { "\(place) holds the secret \"\(name)\", which has no value any more" }

    /// The first one; nil if there is none. `input` and the outputs always count: steps use them without a template.
    ///
    /// - Parameter steps: Those whose outputs the run takes over.
    init?(in run: RunRecord, _ steps: [StepRecord], of pipeline: Pipeline, _ seal: SecretSeal) {
        let references = pipeline.references
        func find(_ value: Value?, _ place: String) -> LostSecret? {
            value.flatMap(seal.lostSecret).map { LostSecret(name: $0, place: place) }
        }
        func find(_ root: String, in values: Value) -> LostSecret? {
            references.lazy.filter { $0.root == root }.compactMap { reference in
                let keys = reference.path.prefix { if case .key = $0 { true } else { false } }
                var (value, place) = (values, root)
                for case .key(let key) in keys {
                    guard let next = value.asObject?[key] else { break }
                    (value, place) = (next, place + "." + key)
                }
                return find(value, "`\(place)`")
            }.first
        }
        func findOutput() -> LostSecret? {
            steps.lazy.compactMap { find($0.output, "the output of the step \"\($0.key.step)\"") }.first
        }
        let found =
            find(run.input, "`input`") ?? find("inputs", in: .object(run.inputs)) ?? find("trigger", in: run.trigger)
            ?? findOutput()
        guard let found else { return nil }
        self = found
    }

    private init(name: String, place: String) {
        (self.name, self.place) = (name, place)
    }
}

extension Pipeline {
    /// The references of all templates and conditions of a run.
    fileprivate var references: [Reference] {
        let templates = allSteps.flatMap { step in
            [step.with, step.forEach].compactMap(\.self).flatMap(\.templates)
        }
        let conditions = allSteps.flatMap { [$0.condition, $0.loop?.condition].compactMap(\.self) }
        return (templates + (output?.templates ?? [])).flatMap(\.template.references)
            + conditions.flatMap(\.expression.references)
    }
}
