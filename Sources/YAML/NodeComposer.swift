/// Builds nodes from libyaml's events and applies the rules that libyaml leaves to its callers.
///
/// Open collections are kept on an explicit stack, so nesting uses no call stack. An alias shares the node of its
/// anchor; the size of that node is counted against the limits.
struct NodeComposer {
    let source: YAMLSource
    let limits: YAMLLimits
    private var open: [CollectionBuilder] = []
    private var anchors: [String: Anchor] = [:]
    private var anchorsSeen = 0
    private var keys = KeyIdentities()
    /// The number of nodes so far, with aliases expanded.
    private var nodeCount = 0
    private var root: YAMLNode?
    private var firstDocument: YAMLRange?

    init(source: YAMLSource, limits: YAMLLimits) {
        self.source = source
        self.limits = limits
    }

    /// What an anchor's name refers to at this point of the text.
    private struct Anchor {
        /// Distinguishes anchors of the same name: an inner one replaces an outer one that is still open.
        var number: Int
        var range: YAMLRange
        /// Nil while the anchored collection is open.
        var target: (node: YAMLNode, size: Int, height: Int)?
    }

    /// Builds the root of the one document in a stream.
    mutating func compose(_ stream: consuming YAMLEventReader) throws(YAMLError) -> YAMLNode? {
        var stream = stream
        while true {
            let event = try next(&stream)
            let range = source.range(from: event.start, to: event.end)
            switch event.kind {
            case .streamStart, .documentEnd: continue
            case .streamEnd: return root
            case .documentStart: try startDocument(range)
            case .alias(let name): try alias(name, range)
            case .scalar(let text, let style, let properties):
                try scalar(text, style, properties, range)
            case .sequenceStart(let properties, let isFlow):
                try startCollection(CollectionBuilder(.sequence, properties, isFlow: isFlow, range: range))
            case .mappingStart(let properties, let isFlow):
                try startCollection(CollectionBuilder(.mapping, properties, isFlow: isFlow, range: range))
            case .sequenceEnd, .mappingEnd: try endCollection(range)
            }
        }
    }

    /// The next event. An error at the end of the file points to the unclosed bracket.
    private func next(_ stream: inout YAMLEventReader) throws(YAMLError) -> YAMLEvent {
        do {
            return try stream.next()
        } catch {
            var error = error
            let isAtEnd = source.byteOffset(of: error.range.start) >= source.text.utf8.count
            if isAtEnd, error.related.isEmpty, let bracket = open.last, bracket.isFlow {
                error.related = [.init(message: "the \(bracket.kind.rawValue) begins here", range: bracket.range)]
            }
            throw error
        }
    }

    private mutating func startDocument(_ range: YAMLRange) throws(YAMLError) {
        if let firstDocument {
            throw YAMLError(
                code: YAMLErrorCode.multipleDocuments,
                message: "a second document begins here; a file can hold only one",
                range: range, source: source, hint: "put each document in a file of its own",
                related: [.init(message: "the first document begins here", range: firstDocument)])
        }
        firstDocument = range
    }

    private mutating func scalar(
        _ text: String, _ style: YAMLScalarStyle, _ properties: YAMLEvent.Properties, _ range: YAMLRange
    ) throws(YAMLError) {
        try count(1, range)
        let tag = try TagRules(source: source).tag(properties, range)
        let value = try TagRules(source: source).value(of: text, style, tag, range)
        // A key is not a number: its text is used.
        if open.last?.expectsKey != true { try TagRules(source: source).checkRange(value, of: text, range) }
        let node = YAMLNode(
            content: .scalar(YAMLScalar(text: text, style: style, value: value)), range: range,
            tag: properties.tag, anchor: properties.anchor)
        if let name = properties.anchor {
            anchorsSeen += 1
            anchors[name] = Anchor(number: anchorsSeen, range: range, target: (node, 1, 0))
        }
        // libyaml reports an empty document as an empty scalar.
        let isNothing =
            open.isEmpty && text.isEmpty && style == .plain && properties.tag == nil && properties.anchor == nil
        if !isNothing { try add(node, height: 0) }
    }

    private mutating func startCollection(_ collection: CollectionBuilder) throws(YAMLError) {
        var collection = collection
        try count(1, collection.range)
        guard open.count < limits.maxDepth else { throw tooDeep(collection.range) }
        let tag = try TagRules(source: source).tag(collection.properties, collection.range)
        try TagRules(source: source).check(tag, collection.kind == .sequence ? .sequence : .mapping, collection.range)
        collection.nodesBefore = nodeCount - 1
        if let name = collection.properties.anchor {
            anchorsSeen += 1
            collection.anchorNumber = anchorsSeen
            anchors[name] = Anchor(number: anchorsSeen, range: collection.range)
        }
        open.append(collection)
    }

    private mutating func endCollection(_ range: YAMLRange) throws(YAMLError) {
        guard let collection = open.popLast() else { return }
        let node = try collection.node(endingAt: range, source: source, keys: &keys)
        if let name = collection.properties.anchor, anchors[name]?.number == collection.anchorNumber {
            anchors[name]?.target = (node, nodeCount - collection.nodesBefore, collection.height)
        }
        try add(node, height: collection.height)
    }

    private mutating func alias(_ name: String, _ range: YAMLRange) throws(YAMLError) {
        guard let anchor = anchors[name] else {
            let shown = anchors.filter { !source.isSecret(at: $0.value.range.start) }
            let known = shown.keys.sorted().prefix(10).map { "\"&\($0)\"" }.joined(separator: ", ")
            let alias = source.quoted("*\(name)", at: range.start)
            throw YAMLError(
                code: YAMLErrorCode.unknownAlias,
                message: "the alias \(alias) refers to an anchor that does not exist",
                range: range, source: source,
                hint: known.isEmpty
                    ? "if \"*\" is part of the text, put the text in quotes: \(alias)"
                    : "the anchors before this place: \(known)")
        }
        guard let target = anchor.target else {
            throw YAMLError(
                code: YAMLErrorCode.recursiveAlias, message: "the alias \"*\(name)\" is inside the value it stands for",
                range: range, source: source,
                related: [.init(message: "the value of \"&\(name)\" begins here", range: anchor.range)])
        }
        try count(target.size, range)
        guard open.count + target.height <= limits.maxDepth else { throw tooDeep(range) }
        try add(target.node, height: target.height, place: range)
    }

    private mutating func add(_ node: YAMLNode, height: Int, place: YAMLRange? = nil) throws(YAMLError) {
        if open.isEmpty {
            root = node
        } else {
            try open[open.count - 1].add(
                node, height: height, place: place ?? node.range, source: source, keys: &keys)
        }
    }

    private mutating func count(_ nodes: Int, _ range: YAMLRange) throws(YAMLError) {
        // Neither side exceeds the limit, so the sum cannot overflow.
        guard nodes <= limits.maxNodes - nodeCount else {
            throw YAMLError(
                code: YAMLErrorCode.tooManyNodes,
                message: "the document has more than \(limits.maxNodes) values once its aliases are expanded",
                range: range, source: source)
        }
        nodeCount += nodes
    }

    private func tooDeep(_ range: YAMLRange) -> YAMLError {
        YAMLError(
            code: YAMLErrorCode.tooDeep,
            message: "lists and mappings are nested more than \(limits.maxDepth) levels deep here",
            range: YAMLRange(at: range.start), source: source)
    }
}
