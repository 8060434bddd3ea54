import RunnelKit
import Testing

@testable import PipelineTesting

@Suite("The schema of test files") struct TestFileSchemaTests {
    private let schema = TestFileSchema.schema

    @Test("has the keys that are read, and no others")
    func keys() throws {
        func keys(_ schema: Value?) -> Set<String> { Set(schema?["properties"]?.asObject?.keys ?? []) }
        let test = schema["properties"]?["tests"]?["items"]
        #expect(keys(schema) == Set(SuiteReader.keys))
        #expect(keys(test) == Set(SuiteReader.testKeys))
        #expect(keys(test?["properties"]?["expect"]) == Set(SuiteReader.expectKeys))
        let chat = test?["properties"]?["chat"]?["anyOf"]?[0]?["items"]?["anyOf"]?[1]
        #expect(keys(chat) == Set(SuiteReader.chatKeys))
        #expect(keys(schema["definitions"]?["matchers"]) == Set(Matcher.keys))
    }
}
