import RunnelKit
import RunnelTesting
import Testing

@Suite("What a trigger says of itself") struct SelfDescriptionTests {
    /// A trigger of another package.
    private struct Tide: TimedTrigger {
        static let name = "tide"
        static let summary = "Starts a run at high tide."
        static let titles = ["en": "high tide"]
        static let bringsOutsideData = false
        static let documentation = TriggerDocumentation(payload: [])

        @Field("Where.") var harbour: String
        @Field("From one tide to the next.") var period: Int = 12

        func run(_ context: TriggerContext) async throws {}

        static func summary(of payload: Value) -> String? { payload["harbour"]?.asString.map { "at \($0)" } }

        func preview() throws(FieldError) -> TriggerPreview {
            guard period > 0 else { throw FieldError("it has to be above 0", path: [.key("period")]) }
            let step = Int64(period)
            return TriggerPreview(next: { ($0 / step + 1) * step }, text: { "\($0) at the quay" })
        }

        func diagnose(pipeline: String, _ context: DiagnosisContext) async -> [HealthFinding] {
            [.warning("tides", "\(harbour), which \(pipeline) waits for, has no gauge", context.project.path)]
        }
    }

    private struct Bell: Trigger {
        static let name = "bell"
        static let summary = "Starts a run when it rings."
        static let documentation = TriggerDocumentation(payload: [])
        func run(_ context: TriggerContext) async throws {}
    }

    @Test("a timed trigger tells its times, and what is wrong with its entry")
    func preview() throws {
        let preview = try #require(TriggerDefinition(Tide.self).preview)
        let tide = try preview(["harbour": "Husum", "period": 5])
        #expect(tide.next(11) == 15)
        #expect(tide.text(15) == "15 at the quay")
        #expect(throws: FieldError("it has to be above 0", path: [.key("period")])) {
            try preview(["harbour": "Husum", "period": 0])
        }
        #expect(TriggerDefinition(Bell.self).preview == nil)
    }

    @Test("a trigger says what it is called and what started a run, and whether it brings data from outside")
    func words() {
        let tide = TriggerDefinition(Tide.self)
        #expect(tide.titles == ["en": "high tide"])
        #expect(tide.payloadSummary(["type": "tide", "harbour": "Husum"]) == "at Husum")
        #expect(!tide.bringsOutsideData)
        let bell = TriggerDefinition(Bell.self)
        #expect(bell.titles.isEmpty)
        #expect(bell.payloadSummary(["type": "bell"]) == nil)
        #expect(bell.bringsOutsideData)
    }

    @Test("a trigger tells doctor what it needs; one that does not, says nothing")
    func diagnosis() async {
        let context = DiagnosisContext(project: ProjectDirectory(path: "/p"))
        let findings = await TriggerDefinition(Tide.self).diagnose(["harbour": "Husum"], "sail", context)
        #expect(findings == [.warning("tides", "Husum, which sail waits for, has no gauge", "/p")])
        #expect(await TriggerDefinition(Tide.self).diagnose([:], "sail", context) == [])
        #expect(await TriggerDefinition(Bell.self).diagnose([:], "sail", context) == [])
    }
}
