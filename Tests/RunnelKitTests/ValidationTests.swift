import RunnelKit
import Testing

/// A step with rules that only whole values tell.
private struct Range: Step {
    struct Login: FieldGroup {
        @Field("Who.") var user: String
        @Field("With what.") var password: String = ""

        func validate() throws(FieldError) {
            if user.contains(":") { throw FieldError("a user cannot hold a colon", path: [.key("user")]) }
        }
    }

    static let name = "range"
    static let summary = "A step for tests."
    static let documentation = StepDocumentation(output: "null")

    @Field("From.", in: 0...50) var from: Int = 1
    @Field("To.") var to: Int = 10
    @Field("How long.", in: .milliseconds(10)...) var wait: Duration = .seconds(1)
    @Field("How large.", in: ByteCount(1)...ByteCount.kibibytes(1)) var size: ByteCount = .kibibytes(1)
    @Field("How much.", in: 0.5...1.5) var factor: Double = 1
    @Field("Where.") var path: String = "a"
    @Field("As whom.") var login: Login?
    @Field("When.") var pause: Duration?
    @Field("A required one.") var limit: Duration

    func validate() throws(FieldError) {
        if from > to { throw FieldError("it lies behind `to`", path: [.key("from")]) }
        if path.hasPrefix("/"), to == 5 { throw FieldError("\"\(path)\" does not go with 5", path: [.key("to")]) }
        if path == "forbidden" { throw FieldError("it is forbidden", path: [.key("path")]) }
        if path.count < 20, login != nil {
            throw FieldError("it does not go with a short `path`", path: [.key("login")])
        }
        if pause == nil, from == 7 { throw FieldError("7 needs `pause`") }
    }

    func validate(in context: ValidationContext) throws(FieldError) {
        if context.pipeline == path { throw FieldError("the pipeline cannot be its own path", path: [.key("path")]) }
    }

    func run(_ context: StepContext) async throws -> Value { .int(Int64(from)) }
}

@Suite("The checks of a group") struct ValidationTests {
    private let definition = StepDefinition(Range.self)

    @Test(
        "are made when the group has been read, also when it stands in another",
        arguments: [
            (["limit": "1s"], nil), (["limit": "1s", "from": 10], nil),
            (["limit": "1s", "from": 11], "`from`: it lies behind `to`"),
            (["limit": "1s", "from": 7], "7 needs `pause`"),
            (["limit": "1s", "login": ["user": "a:b"]], "`login.user`: a user cannot hold a colon"),
            (["limit": "1s", "login": ["user": "a"]], "`login`: it does not go with a short `path`"),
        ] as [(ValueObject, String?)])
    func whole(with: ValueObject, message: String?) throws {
        #expect(definition.check(with).map { StepError(badConfiguration: $0).description } == message)
    }

    @Test(
        "a range bounds the values of a field, both ends included",
        arguments: [
            (["from": 0], nil), (["from": 50, "to": 50], nil),
            (["from": 51], "`from`: expected a number from 0 to 50, found the number 51"),
            (["from": -1], "`from`: expected a number from 0 to 50, found the number -1"),
            (["wait": "10ms"], nil), (["wait": "9ms"], "`wait`: 9ms is too short; 10ms at least"),
            (["size": 0], "`size`: expected a size from 1B to 1KiB, found the number 0"),
            (["size": "2KiB"], "`size`: expected a size from 1B to 1KiB, found \"2KiB\""),
            (["factor": 2], "`factor`: expected a number from 0.5 to 1.5, found the number 2"),
        ] as [(ValueObject, String?)])
    func limits(with: ValueObject, message: String?) throws {
        var with = with
        with["limit"] = "1s"
        #expect(definition.check(with).map { StepError(badConfiguration: $0).description } == message)
        for (key, value) in with where key != "limit" && key != "to" {
            #expect(definition.problems(key, value).isEmpty == (message == nil))
        }
    }

    @Test("a schema says the range of a number")
    func schema() {
        let properties = definition.schema["properties"]
        #expect(properties?["from"]?["minimum"] == 0)
        #expect(properties?["from"]?["maximum"] == 50)
        #expect(properties?["factor"]?["maximum"] == 1.5)
        #expect(properties?["wait"]?["minimum"] == nil)
    }
}

/// What a template stands in for.
private let unknown: Value = "{{ }}"

@Suite("The checks of a group that is known in part") struct PartialValidationTests {
    /// A text `{{ }}` is a template.
    private func problem(_ with: ValueObject, pipeline: String = "p") -> String? {
        let value = Value.object(with)
        let settings = PartialSettings(
            filled: { Self.filled(value, $0) },
            knowledge: { path in
                var found: Value? = value
                for element in path {
                    if found?.asString?.contains("{{ }}") ?? false { return .unknown }
                    switch element {
                    case .key(let key): found = found?[key]
                    case .index(let index): found = found?[index]
                    }
                }
                guard let found else { return .known }
                if found.asString?.contains("{{ }}") ?? false { return .unknown }
                return found.json().contains("{{ }}") ? .partly : .known
            })
        let context = ValidationContext(pipeline: pipeline, project: ProjectDirectory(path: "/p"))
        return StepDefinition(Range.self).partialCheck(settings, context).map {
            StepError(badConfiguration: $0).description
        }
    }

    private static func filled(_ value: Value, _ text: String) -> Value {
        switch value {
        case .string(let own) where own.contains("{{ }}"): .string(own.replacing("{{ }}", with: text))
        case .object(let members): .object(ValueObject(members.map { ($0.key, filled($0.value, text)) }))
        case .list(let items): .list(items.map { filled($0, text) })
        default: value
        }
    }

    @Test(
        "find what known values make wrong, whatever the others come to",
        arguments: [
            (["limit": unknown, "from": 11], "`from`: it lies behind `to`"),
            (["limit": unknown, "from": 11, "path": unknown], "`from`: it lies behind `to`"),
            (
                ["limit": unknown, "login": ["user": "a:b", "password": unknown]],
                "`login.user`: a user cannot hold a colon"
            ),
            (["limit": "1s", "path": "/{{ }}", "to": 5], "`to`: \"/…\" does not go with 5"),
            (
                ["limit": unknown, "login": ["user": unknown, "password": unknown]],
                "`login`: it does not go with a short `path`"
            ),
        ] as [(ValueObject, String)])
    func found(with: ValueObject, message: String) {
        #expect(problem(with) == message)
    }

    @Test(
        "say nothing that depends on an unknown value",
        arguments: [
            ["limit": unknown], ["limit": "1s", "from": unknown], ["limit": "1s", "from": 11, "to": unknown],
            ["limit": "1s", "path": unknown], ["limit": "1s", "from": 7, "pause": unknown],
            ["limit": "1s", "login": unknown, "path": "a path that is longer than twenty"],
            ["limit": "1s", "wait": unknown, "size": unknown, "factor": unknown],
        ] as [ValueObject])
    func silent(with: ValueObject) {
        #expect(problem(with) == nil)
    }

    @Test("know the pipeline and the project")
    func context() {
        #expect(problem(["limit": "1s", "path": "p"]) == "`path`: the pipeline cannot be its own path")
        #expect(problem(["limit": "1s", "path": "p"], pipeline: "other") == nil)
        #expect(problem(["limit": "1s", "path": unknown], pipeline: "unknown-1") == nil)
    }
}
