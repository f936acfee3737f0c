import FoundationEssentials
import Glibc
import Transport

/// A certificate for this machine that is its own authority, made by openssl.
final class Certificate {
    private let directory: String

    init() throws {
        directory = FileManager.default.temporaryDirectory.path + "/spanbridge-certificate-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        try Self.make("own", in: directory)
    }

    deinit { try? FileManager.default.removeItem(atPath: directory) }

    var file: String { "\(directory)/own.pem" }
    var files: TLSContext.ServerFiles { TLSContext.ServerFiles(certificate: file, key: "\(directory)/own.key") }

    /// Writes `NAME.pem` and `NAME.key`.
    static func make(_ name: String, in directory: String) throws {
        let arguments = [
            "req", "-x509", "-days", "2", "-subj", "/CN=\(name)", "-addext",
            "subjectAltName=DNS:localhost,IP:127.0.0.1", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
            "-nodes", "-keyout", "\(directory)/\(name).key", "-out", "\(directory)/\(name).pem",
        ]
        let process = try spawn("openssl", arguments, output: "\(directory)/openssl.log")
        var status: Int32 = 0
        waitpid(process, &status, 0)
        guard status == 0 else { throw TestFailure("openssl ended with \(status)") }
    }
}
