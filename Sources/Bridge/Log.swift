package import Configuration
import Glibc
import OTLP
import Synchronization

/// Writes what happens to standard error: text on a terminal, else a JSON object a line. Messages are constant, values
/// go beside them; nothing is logged per span or per request.
package final class Log: Sendable {
    package typealias Level = Configuration.Log.Level

    private let level: Level
    private let asJSON: Bool
    private let clock: Clock
    private let output = Mutex<Void>(())
    /// When a repeated message was last written, so that a burst of one kind gives few lines.
    private let lastWritten = Mutex<[String: UInt64]>([:])

    package init(_ settings: Configuration.Log, clock: Clock) {
        level = settings.level
        asJSON = settings.format == .json || settings.format == .auto && isatty(STDERR_FILENO) == 0
        self.clock = clock
    }

    package func info(_ message: String, _ values: (String, String)...) { write(.info, message, values) }

    package func info(_ message: String, values: [(String, String)]) { write(.info, message, values) }

    package func notice(_ message: String, _ values: (String, String)...) { write(.notice, message, values) }

    package func warning(_ message: String, _ values: (String, String)...) { write(.warning, message, values) }

    package func error(_ message: String, _ values: (String, String)...) { write(.error, message, values) }

    /// Writes a message whose kind may come in bursts: at most once in ten seconds.
    ///
    /// - Parameter source: written before the other values: one of few that have a limit each, so that one backend that is
    ///   down does not hide another.
    package func limited(
        _ level: Level, _ message: String, from source: (name: String, value: String)? = nil, _ values: (String, String)...
    ) {
        let now = clock.now()
        let kind = source.map { "\(message) \($0.value)" } ?? message
        let isDue = lastWritten.withLock { last in
            if let before = last[kind], now < before &+ 10_000_000_000 { return false }
            last[kind] = now
            return true
        }
        if isDue { write(level, message, (source.map { [$0] } ?? []) + values) }
    }

    private func write(_ level: Level, _ message: String, _ values: [(String, String)]) {
        guard level.rank >= self.level.rank else { return }
        var line: [UInt8]
        if asJSON {
            var writer = JSONWriter()
            writer.beginObject()
            writer.key("time")
            writer.time(clock.now())
            writer.key("level")
            writer.string(level.rawValue)
            writer.key("message")
            writer.string(message)
            for (name, value) in values {
                writer.key(name)
                writer.string(value)
            }
            writer.endObject()
            line = writer.bytes
        } else {
            let pairs = values.map { " \($0.0)=\($0.1.singleLine)" }.joined()
            line = Array("\(RFC3339.format(nanoseconds: clock.now())) \(level.rawValue) \(message)\(pairs)".utf8)
        }
        line.append(UInt8(ascii: "\n"))
        output.withLock { _ in _ = Glibc.write(STDERR_FILENO, line, line.count) }
    }
}

extension Log.Level {
    fileprivate var rank: Int { Self.allCases.firstIndex(of: self) ?? 0 }
}

extension String {
    /// The text without line breaks and other control characters, which would forge lines of the log.
    fileprivate var singleLine: String {
        String(String.UnicodeScalarView(unicodeScalars.map { $0.value < 0x20 || $0.value == 0x7F ? " " : $0 }))
    }
}
