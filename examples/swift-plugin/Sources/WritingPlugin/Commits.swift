import RunnelKit

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// The trigger `commits`.
struct Commits: Trigger {
    static let name = "commits"
    static let summary = "Starts a run for each new commit of a branch."
    static let documentation = TriggerDocumentation(
        details: "Of commits that came together, or while Runnel was down, the last one starts a run.",
        payload: [.init("commit", "The commit's hash."), .init("branch", "The branch.")],
        examples: [.init("What was written last", "commits: { branch: main, every: 10s }")])

    @Field("The branch.") var branch: String = "main"
    @Field("How often it is looked at.") var every: Duration = .seconds(10)

    func run(_ context: TriggerContext) async throws {
        let file = "\(context.project.path)/.git/refs/heads/\(branch)"
        while true {
            if let bytes = FileManager.default.contents(atPath: file) {
                let commit = String(decoding: bytes, as: UTF8.self).filter { !$0.isWhitespace }
                try await begin(commit, context)
                await context.report(.waiting("after \(commit.prefix(8))"))
            } else {
                await context.report(.problem("there is no branch \"\(branch)\""))
            }
            try await context.clock.sleep(for: every)
        }
    }

    private func begin(_ commit: String, _ context: TriggerContext) async throws {
        guard let last = try await context.memory.value(for: "last")?.asString else {
            // What was there before anybody asked is no news.
            return try await context.memory.set(["last": .string(commit)])
        }
        guard last != commit else { return }
        // The run and what is remembered are on disk together, or neither is.
        _ = try await context.emit(
            TriggerEvent(
                dedupeKey: commit, payload: ["commit": .string(commit), "branch": .string(branch)],
                input: .string(commit), memory: ["last": .string(commit)]))
    }
}
