/// A part of a parsed template.
indirect enum TemplateNode: Sendable {
    case text(String)
    case expression(ExpressionNode)
    case branch([(condition: ExpressionNode, body: [TemplateNode])], otherwise: [TemplateNode])
    case loop(Loop)

    struct Loop: Sendable {
        /// One name, or two for key and value.
        let names: [String]
        let list: ExpressionNode
        let body: [TemplateNode]
        let otherwise: [TemplateNode]
    }

    var isText: Bool { if case .text = self { true } else { false } }

    func references(locals: Set<String>) -> [Reference] {
        switch self {
        case .text: []
        case .expression(let node): node.references(locals: locals)
        case .branch(let branches, let otherwise):
            branches.flatMap { branch in
                branch.condition.references(locals: locals) + branch.body.flatMap { $0.references(locals: locals) }
            } + otherwise.flatMap { $0.references(locals: locals) }
        case .loop(let loop):
            loop.list.references(locals: locals)
                + loop.body.flatMap { $0.references(locals: locals.union(loop.names).union(["loop"])) }
                + loop.otherwise.flatMap { $0.references(locals: locals) }
        }
    }
}
