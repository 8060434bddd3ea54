import Testing

/// A pipeline whose shape is wrong, and the code of what the engine says of it.
struct BrokenPipeline: CustomTestStringConvertible {
    let title: String
    let code: String
    let yaml: String

    init(_ title: String, _ code: String, _ yaml: String) {
        self.title = title
        self.code = code
        self.yaml = yaml
    }

    var testDescription: String { title }
}
