/// The signs that a drawing in a terminal is made of.
public struct DiagramGlyphs: Sendable, Hashable {
    let branch: String
    let last: String
    let line: String
    let parallel: String
    let lastParallel: String
    let gap: String

    /// Lines and corners.
    public static let unicode = DiagramGlyphs(
        branch: "├─ ", last: "└─ ", line: "│  ", parallel: "╞═ ", lastParallel: "╘═ ", gap: "   ")
    /// For a terminal that shows ASCII alone.
    public static let ascii = DiagramGlyphs(
        branch: "+- ", last: "`- ", line: "|  ", parallel: "+= ", lastParallel: "`= ", gap: "   ")
}
