/// Writes numbers of bytes.
package enum SizeText {
    private static let units = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)]

    /// The size in the largest binary unit that divides it: "10MiB", "1000B".
    package static func format(_ bytes: Int) -> String {
        for (name, size) in units where bytes >= size && bytes % size == 0 { return "\(bytes / size)\(name)" }
        return "\(bytes)B"
    }
}
