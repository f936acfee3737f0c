import Configuration
import Glibc
import Journal
import OTLP

/// A folder of recorded requests and deliveries, with the folders below it.
struct Recording {
    private let files: [String]

    /// - Throws: `CommandFailure` naming the folder that cannot be listed.
    init(folder: String) throws(CommandFailure) {
        files = try Self.files(below: folder)
    }

    func requests() throws -> [RecordedRequest] {
        try files.filter { $0.hasSuffix(RecordedRequest.suffix) }.map(RecordedRequest.init(meta:))
    }

    func deliveries() throws -> [RecordedDelivery] {
        var truths: [Substring: JSONValue] = [:]
        for file in files where Self.name(of: file) == "expected.json" {
            truths[Self.folder(of: file)] = try? Self.json(of: file)
        }
        return try files.filter { Self.name(of: $0).hasPrefix("webhook-") && $0.hasSuffix(".json") }
            .compactMap { try RecordedDelivery(call: $0, truth: truths[Self.folder(of: $0)]) }
    }

    /// In the order of their names; a folder's files come where its name stands.
    private static func files(below folder: String) throws(CommandFailure) -> [String] {
        let names: [String]
        do {
            names = try FileOperations.system.list(folder).sorted()
        } catch {
            throw CommandFailure(code: .failure, message: "\(folder) cannot be listed: \(error).")
        }
        var files: [String] = []
        for name in names {
            let path = "\(folder)/\(name)"
            var status = stat()
            if stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR {
                files += try Self.files(below: path)
            } else {
                files.append(path)
            }
        }
        return files
    }

    /// The last part of a path.
    static func name(of path: String) -> Substring {
        path[(path.lastIndex(of: "/").map(path.index(after:)) ?? path.startIndex)...]
    }

    /// What is before it.
    private static func folder(of path: String) -> Substring { path.dropLast(name(of: path).count) }

    /// A file as bytes.
    static func bytes(of path: String) throws(CommandFailure) -> [UInt8] {
        do {
            return try FileOperations.system.contents(of: path)
        } catch {
            throw CommandFailure(code: .failure, message: "\(path) cannot be read: \(error).")
        }
    }

    /// A file of JSON.
    static func json(of path: String) throws -> JSONValue {
        do {
            return try JSONValue.parse(try bytes(of: path))
        } catch let error as JSONError {
            throw CommandFailure(code: .failure, message: "\(path) is not JSON: \(error).")
        }
    }
}
