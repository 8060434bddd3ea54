import RunnelKit

/// `required`.
struct RequiredKeyword: Keyword {
    let keys: [String]

    var declaredKeys: [String] { keys }

    func evaluate(_ instance: Instance, _ run: inout Evaluation) -> Verdict {
        guard let object = instance.object else { return .valid }
        var verdict = Verdict.valid
        for key in keys where object[key] == nil {
            verdict = run.fail("required", key: key, "the required key \(Wording.quoted(key)) is missing")
        }
        return verdict
    }

    @Sendable static func compile(
        _ site: KeywordSite, _ compiler: inout SchemaCompiler
    ) throws(SchemaError) -> (any Keyword)? {
        RequiredKeyword(keys: try site.strings())
    }
}

/// `dependentRequired`.
struct DependentRequiredKeyword: Keyword {
    let dependencies: [Dependency]

    struct Dependency: Sendable {
        let key: String
        let needs: [String]
    }

    var declaredKeys: [String] { dependencies.flatMap { [$0.key] + $0.needs } }

    func evaluate(_ instance: Instance, _ run: inout Evaluation) -> Verdict {
        guard let object = instance.object else { return .valid }
        var verdict = Verdict.valid
        for dependency in dependencies where object[dependency.key] != nil {
            for key in dependency.needs where object[key] == nil {
                verdict = run.fail(
                    "dependentRequired", key: key,
                    "the key \(Wording.quoted(key)) is required where \(Wording.quoted(dependency.key)) is given")
            }
        }
        return verdict
    }

    @Sendable static func compile(
        _ site: KeywordSite, _ compiler: inout SchemaCompiler
    ) throws(SchemaError) -> (any Keyword)? {
        var dependencies: [Dependency] = []
        for (key, value) in try site.object() {
            dependencies.append(Dependency(key: key, needs: try site.strings(value, at: [key])))
        }
        return DependentRequiredKeyword(dependencies: dependencies)
    }
}
