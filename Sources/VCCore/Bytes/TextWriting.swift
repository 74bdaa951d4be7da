extension ByteWriter {
    /// Appends the UTF-8 of `text`, which the program itself wrote.
    public mutating func write(text: StaticString) {
        let bytes = unsafe UnsafeRawBufferPointer(
            start: text.utf8Start, count: text.utf8CodeUnitCount)
        unsafe write(bytes: bytes.bytes)
    }

    /// Appends `value` in decimal digits, without a String on the way.
    public mutating func write(decimal value: UInt32) {
        if value >= 10 { write(decimal: value / 10) }
        write(UInt8(ascii: "0") + UInt8(value % 10))
    }
}
