/// The longest text that expansion may make of one value.
private let expandedBytesMax = 1 << 20

/// Replaces `${env:NAME}`, `${env:NAME:-default}` and the short forms without `env:` in one value; `$$` stands for `$`.
/// What a variable holds is not expanded again.
///
/// - Returns: the text, and the names of variables that are not set and have no default: they count as empty.
func expandEnvironment(
    in text: String, environment: [String: String]
) throws(Mistake) -> (text: String, missing: [String]) {
    guard text.contains("$") else { return (text, []) }
    var output = ""
    var missing: [String] = []
    var rest = Substring(text)
    while let dollar = rest.firstIndex(of: "$") {
        output += rest[..<dollar]
        rest = rest[rest.index(after: dollar)...]
        if rest.hasPrefix("$") {
            output += "$"
            rest.removeFirst()
        } else if rest.hasPrefix("{") {
            guard let end = rest.firstIndex(of: "}") else {
                throw Mistake("\"${\" is not closed by \"}\"; write $$ for a dollar sign")
            }
            let reference = rest[rest.index(after: rest.startIndex)..<end]
            rest = rest[rest.index(after: end)...]
            let (name, fallback) = try variable(in: reference)
            let value = environment[name].flatMap { $0.isEmpty ? nil : $0 }
            if value == nil, fallback == nil, environment[name] == nil { missing.append(name) }
            output += value ?? fallback ?? ""
        } else {
            output += "$"
        }
        guard output.utf8.count <= expandedBytesMax else {
            throw Mistake("the value is longer than \(expandedBytesMax) bytes after its variables were filled in")
        }
    }
    return (output + rest, missing)
}

/// Splits `env:NAME:-default` into name and default.
private func variable(in reference: Substring) throws(Mistake) -> (name: String, fallback: String?) {
    var name = reference
    var fallback: String?
    if let mark = reference.firstRange(of: ":-") {
        name = reference[..<mark.lowerBound]
        fallback = String(reference[mark.upperBound...])
    }
    if name.hasPrefix("env:") { name = name.dropFirst(4) }
    if let colon = name.firstIndex(of: ":") {
        throw Mistake("\"\(excerpt(String(name[..<colon])))\" is no source of values: only ${env:NAME} is known")
    }
    let isName =
        name.utf8.allSatisfy {
            $0 == UInt8(ascii: "_") || Character(UnicodeScalar($0)).isLetter || Character(UnicodeScalar($0)).isNumber
        }
        && name.allSatisfy(\.isASCII) && name.first.map { !$0.isNumber } ?? false
    guard isName else {
        throw Mistake(
            "\"${\(excerpt(String(reference)))}\" names no environment variable: write ${env:NAME} or $$ for a dollar sign"
        )
    }
    return (String(name), fallback)
}
