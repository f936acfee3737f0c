import Glibc
import Journal

/// A directory of its own for one relay, removed with all that is in it.
final class ScratchDirectory {
    let path: String

    /// - Parameter parent: where to make it; the disk there is the one that is measured.
    init(in parent: String) throws {
        var template = Array("\(parent)/spanbridge-bench-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else {
            throw BenchError("\(parent): no directory can be made there: \(String(cString: strerror(errno)))")
        }
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    deinit {
        Self.removeAll(path)
    }

    /// What is below is made by this program and the relay only: files, and directories of files.
    private static func removeAll(_ path: String) {
        for name in (try? FileOperations.system.list(path)) ?? [] { removeAll("\(path)/\(name)") }
        remove(path)
    }

    func write(_ text: String, to name: String) throws {
        guard let file = fopen("\(path)/\(name)", "w") else {
            throw BenchError("\(path)/\(name) cannot be written: \(String(cString: strerror(errno)))")
        }
        defer { fclose(file) }
        fputs(text, file)
    }

    /// What a file holds so far; nothing if it is not there.
    func text(of name: String) -> String { readText("\(path)/\(name)") }
}

/// A whole file as text; empty if it cannot be read.
func readText(_ path: String) -> String {
    return String(decoding: (try? FileOperations.system.contents(of: path)) ?? [], as: UTF8.self)
}
