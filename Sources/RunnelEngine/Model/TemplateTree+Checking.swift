import JSONSchema
import RunnelKit
import Templates

extension TemplateTree {
    /// The data, if it contains no template.
    var literal: Value? {
        switch self {
        case .literal(let value): return value
        case .template: return nil
        case .list(let items):
            let values = items.compactMap(\.literal)
            return values.count == items.count ? .list(values) : nil
        case .object(let members):
            var object = ValueObject()
            for (key, value) in members {
                guard let value = value.literal else { return nil }
                object[key] = value
            }
            return .object(object)
        }
    }

    /// The settings as a step or trigger can check them before anything is rendered.
    var partialSettings: PartialSettings {
        PartialSettings(filled: { filled(standIn: $0) }, knowledge: { knowledge(at: $0[...]) })
    }

    /// The data with a text in the place of each template.
    private func filled(standIn: String) -> Value {
        switch self {
        case .literal(let value): value
        case .template(let template, _): .string(template.literalPrefix + standIn + template.literalSuffix)
        case .list(let items): .list(items.map { $0.filled(standIn: standIn) })
        case .object(let members):
            .object(ValueObject(members.map { ($0.key, $0.value.filled(standIn: standIn)) }))
        }
    }

    private func knowledge(at path: ArraySlice<FieldError.PathElement>) -> PartialSettings.PartialKnowledge {
        switch (self, path.first) {
        case (.literal, _): .known
        case (.template, _): .unknown
        case (.list(let items), .index(let index)?) where items.indices.contains(index):
            items[index].knowledge(at: path.dropFirst())
        case (.object(let members), .key(let key)?):
            members.first { $0.key == key }?.value.knowledge(at: path.dropFirst()) ?? .known
        default: templates.isEmpty ? .known : .partly
        }
    }

    /// The data with a placeholder for each template, and the knowledge about those places.
    func skeleton(path: InstancePath, knowledge: inout [InstancePath: PartialKnowledge]) -> Value {
        switch self {
        case .literal(let value): return value
        // The value of this expression is known.
        case .template(let template, _) where template.singleExpression?.text == "null": return .null
        case .template(let template, _):
            knowledge[path] = template.isSingleExpression ? .unknown : .someString
            return .string("")
        case .list(let items):
            return .list(
                items.enumerated().map {
                    $0.element.skeleton(path: path.appending(.index($0.offset)), knowledge: &knowledge)
                })
        case .object(let members):
            return .object(
                ValueObject(
                    members.map {
                        ($0.key, $0.value.skeleton(path: path.appending(.key($0.key)), knowledge: &knowledge))
                    }))
        }
    }
}
