extension UInt8 {
    /// The byte of the letter in lower case, where this is one of an ASCII letter in upper case; otherwise the same byte.
    @inlinable public var lowercasedASCII: UInt8 { (0x41...0x5A).contains(self) ? self | 0x20 : self }
}
