extension String {
    /// The lines, which end in LF, CRLF or CR. An empty text is one empty line.
    package var lineContents: [Substring] {
        split(omittingEmptySubsequences: false) { $0 == "\n" || $0 == "\r\n" || $0 == "\r" }
    }
}
