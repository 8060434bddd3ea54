public import RunnelKit
public import Templates
import YAML

/// Checks the pipelines of a folder together: triggers that want the same, and pipelines that feed themselves or each
/// other.
///
/// Of several triggers that want the same, that of the first file by name wins, and in one file the first entry.
public struct FolderChecker: Sendable {
    /// What was found about one pipeline.
    public struct Finding: Sendable {
        /// The entry under `on:` that does not get what another one has; nil where all are served.
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
            conflicts(members) + circles(sorted, members) + rings.map { Finding(diagnostic: $0.diagnostic) }
            + (isComplete ? unknownNames(sorted) : [])
        return findings.sorted { $0.diagnostic.file < $1.diagnostic.file }
    }

    private func claims(of trigger: TriggerDeclaration, in pipeline: Pipeline) -> [TriggerClaim] {
        guard let definition = registry.trigger(named: trigger.kind),
            let entry = try? trigger.entry.render(scope).asObject ?? [:]
        else { return [] }
        return definition.claims(entry, ValidationContext(pipeline: pipeline.name, project: project))
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
                            hint: Suggestion.closest(to: name, among: others).map { "did you mean \"\($0)\"?" }
                                ?? list))
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

    // MARK: Pipelines that feed themselves or each other

    /// That a step writes where a pipeline watches.
    private struct Feed {
        let from: Int
        let to: Int
        let step: PipelineStep
        let path: String
    }

    private func circles(_ pipelines: [(file: String, pipeline: Pipeline)], _ members: [Member]) -> [Finding] {
        var feeds: [Feed] = []
        let places = Dictionary(pipelines.enumerated().map { ($1.file, $0) }, uniquingKeysWith: { first, _ in first })
        let watchers = members.compactMap { member -> (pipeline: Int, files: FileClaim)? in
            guard case .files(let files) = member.claim, let place = places[member.file] else { return nil }
            return (place, files)
        }
        for (index, entry) in pipelines.enumerated() {
            for (step, path) in writes(of: entry.pipeline) {
                let targets = Set(watchers.lazy.filter { $0.files.takes(path) }.map(\.pipeline))
                feeds += targets.sorted().map { Feed(from: index, to: $0, step: step, path: path) }
            }
        }
        var leads: [Int: [Int]] = [:]
        for feed in feeds { leads[feed.from, default: []].append(feed.to) }
        for (from, to) in Self.follows(pipelines.map(\.pipeline), registry) { leads[from, default: []].append(to) }
        var told: Set<Int> = []
        return feeds.compactMap { feed in
            guard !told.contains(feed.from), let ring = Self.ring(from: feed, leads) else { return nil }
            told.insert(feed.from)
            let (file, pipeline) = pipelines[feed.from]
            let place = feed.step.withNode?["path"] ?? feed.step.withNode?["writes"] ?? feed.step.usesNode
            guard ring.count > 1 else {
                return Finding(
                    diagnostic: Diagnostic(
                        PipelineErrorCode.feedsItself, .warning, file: file, range: place.range,
                        "the step \"\(feed.step.id)\" writes \"\(feed.path)\", where \"\(pipeline.name)\" itself watches; "
                            + "what its own runs write starts no run",
                        hint: "write to another folder, or leave these files out with `include` or `exclude`"))
            }
            let names = (ring + [feed.from]).map { "\"\(pipelines[$0].pipeline.name)\"" }
            return Finding(
                diagnostic: Diagnostic(
                    PipelineErrorCode.feedsInARing, .warning, file: file, range: place.range,
                    "the step \"\(feed.step.id)\" writes \"\(feed.path)\": these pipelines feed each other, "
                        + "\(names.joined(separator: " → ")); `runs.chain` ends that",
                    hint: "let one of them write where none of them watches"))
        }
    }

    /// Which pipelines' ends start which others.
    private static func follows(_ pipelines: [Pipeline], _ registry: StepRegistry) -> [(from: Int, to: Int)] {
        pipelines.enumerated().flatMap { to, pipeline in
            pipeline.triggers.flatMap { trigger -> [(from: Int, to: Int)] in
                guard let follows = registry.trigger(named: trigger.kind)?.follows,
                    let entry = trigger.entry.literal?.asObject
                else { return [] }
                return pipelines.indices.filter { follows(entry, pipelines[$0].name, pipeline.name) }.map { ($0, to) }
            }
        }
    }

    /// The shortest way from the feed back to its pipeline: the pipelines on it, that one first.
    private static func ring(from feed: Feed, _ leads: [Int: [Int]]) -> [Int]? {
        if feed.from == feed.to { return [feed.from] }
        var open = [[feed.from, feed.to]]
        var seen: Set<Int> = [feed.to]
        var next = 0
        while next < open.count {
            let way = open[next]
            next += 1
            for to in way.last.flatMap({ leads[$0] }) ?? [] {
                if to == feed.from { return way }
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
                guard case .object(let members, _)? = definition.paths, case .path(let base?, _)? = members[key],
                    let folder = Self.text(step.with, base)
                else { return (step, Self.normalized(path)) }
                return (step, Self.normalized(folder + "/" + path))
            }
        }
    }

    /// The text under a key, or those of the list there. An item of a list may be a folder: what is below it is not
    /// known.
    private static func texts(_ tree: TemplateTree, _ key: String) -> [String] {
        switch member(tree, key) {
        case .list(let items)?: items.compactMap(text).map { $0 + "/…" }
        case .literal(.list(let items))?: items.compactMap(\.asString).map { $0 + "/…" }
        case let other?: text(other).map { [$0] } ?? []
        case nil: []
        }
    }

    private static func text(_ tree: TemplateTree, _ key: String) -> String? { member(tree, key).flatMap(text) }

    private static func member(_ tree: TemplateTree, _ key: String) -> TemplateTree? {
        switch tree {
        case .object(let members): members.first { $0.key == key }?.value
        case .literal(let value): value[key].map { .literal($0) }
        default: nil
        }
    }

    private static func text(_ member: TemplateTree) -> String? {
        switch member {
        case .literal(.string(let text)): text
        case .template(let template, _): template.literalPrefix + "…" + template.literalSuffix
        default: nil
        }
    }

    private static func normalized(_ path: String) -> String {
        path.split(separator: "/").filter { $0 != "." }.joined(separator: "/")
    }
}
