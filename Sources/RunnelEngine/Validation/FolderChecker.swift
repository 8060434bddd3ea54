import LibC
public import RunnelKit
public import Templates
import YAML

/// Checks the pipelines of a folder together: triggers that want the same, pipelines that lie where a trigger takes files
/// from, and pipelines that feed themselves or each other.
///
/// Of several triggers that want the same, that of the first file by name wins, and in one file the first entry.
public struct FolderChecker: Sendable {
    /// What was found about one pipeline.
    public struct Finding: Sendable {
        /// The entry under `on:` that must not start; nil where all are served.
        public var loser: String?
        /// In the file of that pipeline.
        public var diagnostic: Diagnostic
    }

    private let registry: StepRegistry
    private let project: ProjectDirectory
    private let scope: any TemplateScope

    /// - Parameter scope: What entries under `on:` are rendered with; those that need more are not checked.
    public init(registry: StepRegistry, project: ProjectDirectory, scope: any TemplateScope) {
        self.registry = registry
        self.project = project
        self.scope = scope
    }

    private struct Member {
        let file: String
        let pipeline: Pipeline
        let trigger: TriggerDeclaration
        let claim: TriggerClaim
    }

    /// - Parameter isComplete: Whether these are all pipelines of the folder, so that a name which none of them has is no
    ///   pipeline.
    /// - Returns: The findings, by file.
    public func check(_ pipelines: [(file: String, pipeline: Pipeline)], isComplete: Bool) -> [Finding] {
        let sorted = pipelines.sorted { $0.file < $1.file }
        let members = sorted.flatMap { file, pipeline in
            pipeline.triggers.flatMap { trigger in
                claims(of: trigger, in: pipeline).map {
                    Member(file: file, pipeline: pipeline, trigger: trigger, claim: $0)
                }
            }
        }
        let rings = TriggerRing.find(sorted.map(\.pipeline), registry: registry)
        let findings =
            conflicts(members) + received(sorted, members) + circles(sorted, members)
            + rings.map { Finding(diagnostic: $0.diagnostic) }
            + (isComplete ? unknownNames(sorted) : [])
        return findings.sorted { $0.diagnostic.file < $1.diagnostic.file }
    }

    private func claims(of trigger: TriggerDeclaration, in pipeline: Pipeline) -> [TriggerClaim] {
        guard let definition = registry.trigger(named: trigger.kind),
            let entry = try? trigger.entry.render(scope).asObject ?? [:]
        else { return [] }
        return definition.claims(entry, ValidationContext(pipeline: pipeline.name, project: project))
    }

    /// The folders of the project that triggers name: where they take files, move them to, or write others. Relative to the
    /// project; empty for its own folder.
    package func folders(ofTriggersIn pipelines: [Pipeline]) -> Set<String> {
        let paths = PathChecker(project: project)
        let folders = pipelines.flatMap { pipeline in
            pipeline.triggers.flatMap { trigger in
                let claimed = claims(of: trigger, in: pipeline).flatMap { claim -> [String] in
                    guard case .files(let files) = claim else { return [] }
                    return [files.folder] + files.moves.map(\.folder)
                }
                let places = registry.trigger(named: trigger.kind)?.paths
                let named = places.map { paths.all($0, in: trigger.entry, node: trigger.node).compactMap(\.text) }
                return claimed + (named ?? [])
            }
        }
        return Set(folders.compactMap { (try? project.confined($0))?.text })
    }

    /// The names in triggers that no pipeline has.
    private func unknownNames(_ pipelines: [(file: String, pipeline: Pipeline)]) -> [Finding] {
        let names = pipelines.map(\.pipeline.name)
        return pipelines.flatMap { file, pipeline in
            pipeline.triggers.flatMap { trigger -> [Finding] in
                guard let named = registry.trigger(named: trigger.kind)?.namedPipelines,
                    let entry = trigger.entry.literal?.asObject
                else { return [] }
                let others = names.filter { $0 != pipeline.name }
                let list =
                    others.isEmpty ? nil : "the pipelines of the folder are \(others.prefix(8).joined(separator: ", "))"
                return named(entry).filter { !names.contains($0.name) }.map { path, name in
                    Finding(
                        diagnostic: Diagnostic(
                            PipelineErrorCode.unknownPipeline, .warning, file: file,
                            range: trigger.node.nearest(to: path).range,
                            "there is no pipeline named \"\(name)\" in this folder",
                            hint: Suggestion.hint(for: name, among: others) ?? list))
                }
            }
        }
    }

    // MARK: Triggers that want the same

    private func conflicts(_ members: [Member]) -> [Finding] {
        var routes: [String: Member] = [:]
        var watchers: [(files: FileClaim, member: Member)] = []
        var findings: [Finding] = []
        for member in members {
            switch member.claim {
            case .route(let path):
                guard let route = try? RoutePattern(path) else { continue }
                if let winner = routes[route.shape] {
                    let want = HTTPIngress.prefix + route.path
                    findings.append(
                        conflict(
                            member, winner, (.sameRoute, "path", want, "give one of them another `path`")))
                } else {
                    routes[route.shape] = member
                }
            case .files(let files):
                if let (winner, problem) = watchers.lazy.compactMap({ winner in
                    Self.problem(files, of: member, winner.files, of: winner.member).map { (winner.member, $0) }
                }).first {
                    findings.append(conflict(member, winner, problem))
                } else {
                    watchers.append((files, member))
                }
            }
        }
        return findings
    }

    private func conflict(
        _ member: Member, _ winner: Member,
        _ problem: (code: PipelineErrorCode, key: String, want: String, hint: String)
    ) -> Finding {
        let subject =
            member.file == winner.file
            ? "`\(winner.trigger.key)` and `\(member.trigger.key)` of the pipeline \"\(member.pipeline.name)\""
            : "the pipelines \"\(winner.pipeline.name)\" and \"\(member.pipeline.name)\""
        let first =
            member.file == winner.file
            ? "only `\(winner.trigger.key)` gets" : "only \"\(winner.pipeline.name)\" (\(winner.file)) gets"
        let node = member.trigger.node[problem.key] ?? member.trigger.keyNode
        return Finding(
            loser: member.trigger.key,
            diagnostic: Diagnostic(
                problem.code, .error, file: member.file, range: node.range,
                "\(subject) both want \(problem.want); \(first) \(problem.code == .sameRoute ? "it" : "them")",
                hint: problem.hint))
    }

    private static func problem(
        _ own: FileClaim, of member: Member, _ others: FileClaim, of winner: Member
    ) -> (code: PipelineErrorCode, key: String, want: String, hint: String)? {
        // Entries of one pipeline start one run for a file, whichever sees it first.
        guard own.consumes || others.consumes, member.file != winner.file, own.overlaps(others) else { return nil }
        let consumer = others.consumes ? winner : member
        return (
            .sameFiles, "path", "files of \"\(own.folder)\", which \"\(consumer.pipeline.name)\" moves away or deletes",
            "give one of them another folder, or `include` patterns that exclude each other"
        )
    }

    // MARK: Pipelines that lie where files arrive

    /// Who puts files into a folder that a trigger takes them from is not trusted to bring pipelines. A folder with the
    /// pipeline of that trigger is its author's, and so is `pipelines`.
    private func received(_ pipelines: [(file: String, pipeline: Pipeline)], _ members: [Member]) -> [Finding] {
        let takers = members.compactMap { member -> (member: Member, folders: [String])? in
            guard case .files(let files) = member.claim, files.consumes else { return nil }
            return (member, ([files.folder] + files.moves.map(\.folder)).filter { $0 != "." && $0 != "pipelines" })
        }
        guard !takers.isEmpty else { return [] }
        let paths = Dictionary(
            pipelines.map { ($0.file, pathInProject($0.file)) }, uniquingKeysWith: { first, _ in first })
        func isIn(_ folder: String, _ file: String) -> Bool { paths[file]?.hasPrefix(folder + "/") ?? false }
        let inboxes = takers.flatMap { taker in
            taker.folders.filter { !isIn($0, taker.member.file) }.map {
                (folder: $0, owner: taker.member.pipeline.name)
            }
        }
        return pipelines.flatMap { file, pipeline -> [Finding] in
            guard let (folder, owner) = inboxes.first(where: { isIn($0.folder, file) }) else { return [] }
            return pipeline.triggers.map { trigger in
                Finding(
                    loser: trigger.key,
                    diagnostic: Diagnostic(
                        PipelineErrorCode.receivedPipeline, .error, file: file, range: trigger.keyNode.range,
                        "`\(trigger.key)` does not start: the file lies in \"\(folder)\", where \"\(owner)\" receives files",
                        hint: "keep pipelines in another folder, such as `pipelines`"))
            }
        }
    }

    private func pathInProject(_ file: String) -> String {
        let root = (realPath(project.path) ?? project.path) + "/"
        let path = realPath(file) ?? file
        return path.hasPrefix(root) ? String(path.dropFirst(root.count)) : path
    }

    // MARK: Pipelines that feed themselves or each other

    /// An entry under `on:` that starts runs.
    private struct Entry: Hashable {
        let pipeline: Int
        let key: String
    }

    /// That files of a pipeline get to where an entry watches.
    private struct Feed {
        enum Source {
            /// A step writes them, whichever entry has started its run.
            case step(PipelineStep, path: String)
            /// The trigger moves the files of its runs there.
            case move(Entry, FileMove, TriggerDeclaration)
        }

        let from: Int
        let source: Source
        let to: Entry
    }

    private func circles(_ pipelines: [(file: String, pipeline: Pipeline)], _ members: [Member]) -> [Finding] {
        var feeds: [Feed] = []
        let places = Dictionary(pipelines.enumerated().map { ($1.file, $0) }, uniquingKeysWith: { first, _ in first })
        let watchers = members.compactMap { member -> (entry: Entry, trigger: TriggerDeclaration, files: FileClaim)? in
            guard case .files(let files) = member.claim, let place = places[member.file] else { return nil }
            return (Entry(pipeline: place, key: member.trigger.key), member.trigger, files)
        }
        for (index, entry) in pipelines.enumerated() {
            for (step, path) in writes(of: entry.pipeline) {
                for watcher in watchers where watcher.files.takes(path) {
                    feeds.append(Feed(from: index, source: .step(step, path: path), to: watcher.entry))
                }
            }
            for (own, trigger, files) in watchers where own.pipeline == index {
                for move in files.moves {
                    for watcher in watchers where watcher.files.receives(move) {
                        feeds.append(Feed(from: index, source: .move(own, move, trigger), to: watcher.entry))
                    }
                }
            }
        }
        let follows = Self.follows(pipelines.map(\.pipeline), registry)
        var told: Set<Int> = []
        return feeds.compactMap { feed in
            guard !told.contains(feed.from), let ring = Self.ring(from: feed, feeds, follows) else { return nil }
            told.insert(feed.from)
            let (file, pipeline) = pipelines[feed.from]
            switch feed.source {
            case .step(let step, let path):
                let range = (step.withNode?["path"] ?? step.withNode?["writes"] ?? step.usesNode).range
                guard !ring.isEmpty else {
                    return Finding(
                        diagnostic: Diagnostic(
                            PipelineErrorCode.feedsItself, .warning, file: file, range: range,
                            "the step \"\(step.id)\" writes \"\(path)\", where \"\(pipeline.name)\" itself watches; "
                                + "what its own runs write starts no run",
                            hint: "write to another folder, or leave these files out with `include` or `exclude`"))
                }
                let names = ([feed.from] + ring.map(\.pipeline) + [feed.from]).map {
                    "\"\(pipelines[$0].pipeline.name)\""
                }
                return Finding(
                    diagnostic: Diagnostic(
                        PipelineErrorCode.feedsInARing, .warning, file: file, range: range,
                        "the step \"\(step.id)\" writes \"\(path)\": these pipelines feed each other, "
                            + "\(names.joined(separator: " → ")); `runs.chain` ends that",
                        hint: "let one of them write where none of them watches"))
            case .move(let own, let move, let trigger):
                let way = [own] + ring + [own]
                let isOfOne = way.allSatisfy { $0.pipeline == own.pipeline }
                let names = way.map { isOfOne ? "`\($0.key)`" : "\"\(pipelines[$0.pipeline].pipeline.name)\"" }
                return Finding(
                    diagnostic: Diagnostic(
                        PipelineErrorCode.feedsInARing, .warning, file: file,
                        range: (trigger.node[move.key] ?? trigger.keyNode).range,
                        "`\(own.key)` moves files to \"\(move.folder)\" (`\(move.key)`): these "
                            + "\(isOfOne ? "triggers" : "pipelines") feed each other, "
                            + "\(names.joined(separator: " → ")); `runs.chain` ends that",
                        hint: "let one of them move its files to where none of them watches"))
            }
        }
    }

    /// Which entries are started by the ends of runs of which pipelines.
    private static func follows(_ pipelines: [Pipeline], _ registry: StepRegistry) -> [(from: Int, to: Entry)] {
        pipelines.enumerated().flatMap { to, pipeline in
            pipeline.triggers.flatMap { trigger -> [(from: Int, to: Entry)] in
                guard let follows = registry.trigger(named: trigger.kind)?.follows,
                    let entry = trigger.entry.literal?.asObject
                else { return [] }
                return pipelines.indices.filter { follows(entry, pipelines[$0].name, pipeline.name) }.map {
                    ($0, Entry(pipeline: to, key: trigger.key))
                }
            }
        }
    }

    /// The shortest way from the feed back to where it comes from: the entries on it, without that one.
    private static func ring(
        from feed: Feed, _ feeds: [Feed], _ follows: [(from: Int, to: Entry)]
    ) -> [Entry]? {
        func isBack(_ entry: Entry) -> Bool {
            if case .move(let own, _, _) = feed.source { return entry == own }
            return entry.pipeline == feed.from
        }
        func leads(_ entry: Entry) -> [Entry] {
            let fed = feeds.filter { next in
                if case .move(let own, _, _) = next.source { return own == entry }
                // What a pipeline's own steps write starts no run of it.
                return next.from == entry.pipeline && next.to.pipeline != entry.pipeline
            }
            return fed.map(\.to) + follows.filter { $0.from == entry.pipeline }.map(\.to)
        }
        if isBack(feed.to) { return [] }
        var open = [[feed.to]]
        var seen: Set<Entry> = [feed.to]
        var next = 0
        while next < open.count {
            let way = open[next]
            next += 1
            for to in way.last.map(leads) ?? [] {
                if isBack(to) { return way }
                if seen.insert(to).inserted { open.append(way + [to]) }
            }
        }
        return nil
    }

    /// The files that the steps write, as far as their paths are written out; `…` stands for what is not known.
    private func writes(of pipeline: Pipeline) -> [(step: PipelineStep, path: String)] {
        pipeline.allStepsInFile.flatMap { step -> [(PipelineStep, String)] in
            guard let definition = registry[step.uses] else { return [] }
            return definition.writtenPaths.flatMap { key in
                Self.texts(step.with, key).map { (key, $0) }
            }.compactMap { key, path in
                guard path != "…" else { return nil }
                guard let base = definition.paths?[key]?.paths.compactMap(\.relativeTo).first,
                    let folder = Self.text(step.with, base)
                else { return (step, normalized(path)) }
                return (step, normalized(path, in: folder))
            }
        }
    }

    /// The text under a key, or those of the list there. An item of a list may be a folder: what is below it is not
    /// known.
    private static func texts(_ tree: TemplateTree, _ key: String) -> [String] {
        switch member(tree, key) {
        case .list(let items)?: items.compactMap(\.text).map { $0 + "/…" }
        case .literal(.list(let items))?: items.compactMap(\.asString).map { $0 + "/…" }
        case let other?: other.text.map { [$0] } ?? []
        case nil: []
        }
    }

    private static func text(_ tree: TemplateTree, _ key: String) -> String? { member(tree, key)?.text }

    private static func member(_ tree: TemplateTree, _ key: String) -> TemplateTree? {
        switch tree {
        case .object(let members): members.first { $0.key == key }?.value
        case .literal(let value): value[key].map { .literal($0) }
        default: nil
        }
    }

    /// Relative to the project. A path that pipelines cannot touch has been reported.
    private func normalized(_ path: String, in folder: String? = nil) -> String {
        (try? project.confined(path, in: folder))?.text ?? path
    }
}
