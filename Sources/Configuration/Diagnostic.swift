/// One mistake in the configuration, told so that a person can mend it.
package struct Diagnostic: Sendable, Hashable, CustomStringConvertible {
    package enum Severity: String, Sendable {
        /// The relay does not start.
        case error
        /// The relay starts; what happens instead is in the message.
        case warning
    }

    package var severity: Severity
    /// The configuration file's name, if there is one.
    package var file: String?
    package var origin: Origin
    /// The setting's path, such as `journal.retention.age`; empty if the mistake belongs to no setting.
    package var path: String
    /// What is wrong and what to write instead. Never holds the value of a header, password or token.
    package var message: String

    package init(severity: Severity, file: String?, origin: Origin, path: String, message: String) {
        self.severity = severity
        self.file = file
        self.origin = origin
        self.path = path
        self.message = message
    }

    /// The line in the file, from 1; nil if the mistake was not made there.
    package var line: Int? {
        if case .file(let line, _) = origin { line } else { nil }
    }

    /// The column in the file, in characters from 1; nil if the mistake was not made there.
    package var column: Int? {
        if case .file(_, let column) = origin { column } else { nil }
    }

    /// One line, in the form that editors and CI systems recognise: `FILE:LINE:COLUMN: error: PATH: MESSAGE`.
    package var description: String {
        let place =
            switch origin {
            case .file(let line, let column): "\(file ?? "configuration"):\(line):\(column)"
            case .environment(let name): "environment \(name)"
            case .flag(let path): "--set \(path)"
            case .builtIn: file ?? "configuration"
            }
        return "\(place): \(severity.rawValue): \(path.isEmpty ? "" : "\(path): ")\(message)"
    }
}
