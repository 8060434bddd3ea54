public import RunnelKit

/// Reads texts of the project for other steps, with the same confinement as `file.read`.
public enum ProjectText {
    /// - Throws: A ``StepError`` when the file is missing, outside of the project, larger than 16 MiB or not UTF-8.
    public static func read(_ path: String, in project: ProjectDirectory) throws -> String {
        try project.location(of: path).read(limit: .mebibytes(16)).text()
    }
}
