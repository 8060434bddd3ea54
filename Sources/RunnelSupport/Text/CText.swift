extension String {
    /// The text that a C function has written into a buffer: up to the first NUL, or to the end without one.
    package init(upToNUL buffer: [CChar]) {
        self.init(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
