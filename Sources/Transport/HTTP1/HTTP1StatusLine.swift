/// The first line of an answer: `HTTP/1.x NNN reason`, the reason and the space before it being optional in practice.
struct HTTP1StatusLine {
    /// From 100 to 999.
    let status: Int
    let isVersion10: Bool

    /// - Parameter head: complete.
    init(_ head: HTTP1Head) throws(HTTP1Fault) {
        let line = head.bytes.prefix(max(0, head.startLineEnd - 2))
        guard line.count >= 12, line.starts(with: "HTTP/1.".utf8), line[7] &- 48 < 10, line[8] == 0x20,
            line[9] &- 49 < 9, line[10] &- 48 < 10, line[11] &- 48 < 10, line.count == 12 || line[12] == 0x20
        else { throw HTTP1Fault(400, "the answer's status line is malformed") }
        status = line[9...11].reduce(0) { $0 * 10 + Int($1 &- 48) }
        isVersion10 = line[7] == UInt8(ascii: "0")
    }
}
