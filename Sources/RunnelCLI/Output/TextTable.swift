import RunnelSupport

/// Rows in columns below titles. In a terminal they fit into its width.
struct TextTable {
    struct Column {
        let title: String
        /// The minimum width in terminal cells, for rows that are too wide; nil: the column is never truncated.
        var shortest: Int?
        /// Stands on the right of the column.
        var isNumber = false
    }

    struct Row {
        /// Without line breaks; see ``TextStyle/line(_:)``.
        var cells: [String]
        /// Stands below the row in a terminal, and behind it elsewhere.
        var detail: String?
    }

    let columns: [Column]
    let style: TextStyle
    /// The columns of the terminal; nil: nothing is cut.
    var width: Int?

    private static let gap = "  "

    /// The titles and the rows, each with a line break.
    ///
    /// - Parameter painted: Colours a cell, which is padded to the width of its column.
    func text(
        _ rows: [Row], painted: (_ row: Int, _ column: Int, _ cell: String) -> String = { _, _, cell in cell }
    ) -> String {
        let widths = widths(of: [columns.map(\.title)] + rows.map(\.cells))
        func cut(_ cells: [String]) -> [String] {
            zip(cells, widths).enumerated().map { index, cell in
                // The last column needs no padding.
                let text = cell.0.clipped(toTerminalWidth: cell.1)
                if columns[index].isNumber {
                    return String(repeating: " ", count: cell.1 - text.terminalWidth) + text
                }
                return index == columns.count - 1 ? text : text.padded(to: cell.1)
            }
        }
        var lines = [style.dim(cut(columns.map(\.title)).joined(separator: Self.gap))]
        for (number, row) in rows.enumerated() {
            let cells = cut(row.cells).enumerated().map { painted(number, $0.offset, $0.element) }
            var line = cells.joined(separator: Self.gap)
            if let detail = row.detail {
                line +=
                    width.map { "\n" + style.dim("  " + detail.clipped(toTerminalWidth: $0 - 2)) }
                    ?? style.dim("  \(detail)")
            }
            lines.append(line)
        }
        return lines.joined(separator: "\n") + "\n"
    }

    /// The widest columns are cut first.
    private func widths(of lines: [[String]]) -> [Int] {
        var widths = columns.indices.map { column in lines.map { $0[column].terminalWidth }.max() ?? 0 }
        guard let width else { return widths }
        var excess = widths.reduce(0, +) + Self.gap.count * (columns.count - 1) - width
        while excess > 0 {
            let wide = columns.indices.filter { widths[$0] > columns[$0].shortest ?? .max }
            guard let widest = wide.max(by: { widths[$0] < widths[$1] }) else { break }
            widths[widest] -= 1
            excess -= 1
        }
        return widths
    }
}
