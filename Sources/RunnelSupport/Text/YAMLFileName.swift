extension String {
    /// Whether a file of this name holds YAML: it ends with `.yaml` or `.yml`, in upper or lower case.
    package var isYAMLFileName: Bool { yamlEnding != nil }

    /// The name without the ending of a YAML file.
    package var withoutYAMLEnding: String { yamlEnding.map { String(dropLast($0.count)) } ?? self }

    private var yamlEnding: String? { [".yaml", ".yml"].first { suffix($0.count).lowercased() == $0 } }
}
