import CYAML

/// What libyaml says about a document, piece by piece.
enum YAMLEvent {
    case documentStart
    case scalar(String, isPlain: Bool, anchor: String?)
    case alias(String)
    case sequenceStart(anchor: String?)
    case sequenceEnd
    case mappingStart(anchor: String?)
    case mappingEnd
}

/// A place in a document; both count from 1.
struct YAMLPosition: Equatable {
    var line: Int
    var column: Int

    init(_ mark: yaml_mark_t) {
        line = Int(clamping: mark.line) &+ 1
        column = Int(clamping: mark.column) &+ 1
    }

    init(line: Int, column: Int) {
        self.line = line
        self.column = column
    }
}

/// Why a document cannot be read any further.
struct YAMLSyntaxError: Error, Equatable {
    var position: YAMLPosition
    var message: String
}

/// The thin wrapper round libyaml: calls `body` for each event of `bytes`, in order, until it throws or they end.
func forEachYAMLEvent(
    of bytes: [UInt8], _ body: (YAMLEvent, YAMLPosition) throws(YAMLSyntaxError) -> Void
) throws(YAMLSyntaxError) {
    // Safe: the parser keeps pointers into itself and to the input, so it lives in memory that does not move and is
    // deleted before that memory and the input end; `initialize` runs first and its failure is checked.
    let parser = UnsafeMutablePointer<yaml_parser_t>.allocate(capacity: 1)
    defer { parser.deallocate() }
    guard yaml_parser_initialize(parser) == 1 else {
        throw YAMLSyntaxError(position: YAMLPosition(line: 1, column: 1), message: "out of memory")
    }
    defer { yaml_parser_delete(parser) }
    let input = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: max(bytes.count, 1))
    defer { input.deallocate() }
    _ = input.initialize(from: bytes)
    yaml_parser_set_input_string(parser, input.baseAddress, bytes.count)

    while true {
        // Safe: libyaml fills the event on success and clears it on failure; it is deleted once, after its strings
        // were copied.
        var event = yaml_event_t()
        guard yaml_parser_parse(parser, &event) == 1 else { throw syntaxError(parser, in: bytes) }
        defer { yaml_event_delete(&event) }
        if event.type == YAML_STREAM_END_EVENT { return }
        if let translated = translate(event) { try body(translated, YAMLPosition(event.start_mark)) }
    }
}

private func translate(_ event: yaml_event_t) -> YAMLEvent? {
    // Safe: each union member is read only under the type that libyaml documents for it.
    switch event.type {
    case YAML_DOCUMENT_START_EVENT: return .documentStart
    case YAML_SCALAR_EVENT:
        let scalar = event.data.scalar
        // Safe: `value` points to `length` bytes that live until the event is deleted.
        let text = String(decoding: UnsafeBufferPointer(start: scalar.value, count: scalar.length), as: UTF8.self)
        return .scalar(text, isPlain: scalar.style == YAML_PLAIN_SCALAR_STYLE, anchor: name(scalar.anchor))
    case YAML_ALIAS_EVENT: return .alias(name(event.data.alias.anchor) ?? "")
    case YAML_SEQUENCE_START_EVENT: return .sequenceStart(anchor: name(event.data.sequence_start.anchor))
    case YAML_SEQUENCE_END_EVENT: return .sequenceEnd
    case YAML_MAPPING_START_EVENT: return .mappingStart(anchor: name(event.data.mapping_start.anchor))
    case YAML_MAPPING_END_EVENT: return .mappingEnd
    default: return nil
    }
}

/// A C string of libyaml's, copied.
private func name(_ text: UnsafeMutablePointer<yaml_char_t>?) -> String? {
    // Safe: libyaml ends its anchors with a NUL and keeps them until the event is deleted.
    text.map { String(cString: $0) }
}

private func syntaxError(_ parser: UnsafeMutablePointer<yaml_parser_t>, in bytes: [UInt8]) -> YAMLSyntaxError {
    // Safe: both texts are string literals of libyaml or nil.
    let problem = parser.pointee.problem.map { String(cString: $0) } ?? "not readable as YAML"
    let context = parser.pointee.context.map { " \(String(cString: $0))" } ?? ""
    var position = YAMLPosition(parser.pointee.problem_mark)
    if parser.pointee.error == YAML_READER_ERROR {
        // The reader runs ahead of the marks and tells only the offset of the byte that is no text.
        let before = bytes.prefix(Int(clamping: parser.pointee.problem_offset))
        let line = before.reversed().prefix { $0 != UInt8(ascii: "\n") }
        position = YAMLPosition(
            line: 1 + before.count { $0 == UInt8(ascii: "\n") }, column: 1 + line.count { $0 & 0xC0 != 0x80 })
    }
    return YAMLSyntaxError(position: position, message: "not YAML: \(problem)\(context)")
}
