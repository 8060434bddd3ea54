import JSONSchema
import RunnelKit
import Templates

extension TemplateTree {
    /// The data, when no template is in it.
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

    /// The data with something in the place of each template, and what is known about those places.
    func skeleton(path: InstancePath, knowledge: inout [InstancePath: Knowledge]) -> Value {
        switch self {
        case .literal(let value): return value
        // Whatever else an expression comes to, this one is known.
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
