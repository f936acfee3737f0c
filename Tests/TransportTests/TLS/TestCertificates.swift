import Foundation

@testable import Transport

/// Certificates and keys of a temporary directory, made by the `openssl` command.
final class TestCertificates: Sendable {
    /// Made once for all tests; the files go when the process ends.
    static let shared = Result { try TestCertificates() }

    struct CommandFailed: Error { var arguments: [String] }

    let directory: String

    init() throws {
        directory = FileManager.default.temporaryDirectory.path + "/spanbridge-tls-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        for authority in ["ca", "other-ca"] {
            try openssl(
                ["req", "-x509", "-days", "2", "-subj", "/CN=\(authority)"] + newKey(authority) + [
                    "-out", path(authority),
                ])
        }
        try make("server", names: "DNS:localhost,IP:127.0.0.1")
        try make("elsewhere", names: "DNS:elsewhere.test")
        try make("expired", names: "DNS:localhost,IP:127.0.0.1", days: -1)
        try make("of-other", names: "DNS:localhost,IP:127.0.0.1", authority: "other-ca")
        try make("client", names: "DNS:client.test")
        try make("other-client", names: "DNS:client.test", authority: "other-ca")
        try openssl(["genrsa", "-out", key("rsa"), "2048"])
        try openssl(["ec", "-aes128", "-passout", "pass:secret", "-in", key("server"), "-out", key("locked")])
        try "no certificate".write(toFile: path("garbage"), atomically: true, encoding: .utf8)
    }

    deinit { try? FileManager.default.removeItem(atPath: directory) }

    func path(_ name: String) -> String { "\(directory)/\(name).pem" }
    func key(_ name: String) -> String { "\(directory)/\(name).key" }

    private func newKey(_ name: String) -> [String] {
        ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", key(name)]
    }

    private func make(_ name: String, names: String, days: Int = 2, authority: String = "ca") throws {
        let request = "\(directory)/\(name).csr"
        let extensions = "\(directory)/\(name).ext"
        try openssl(["req", "-new", "-subj", "/CN=\(name)", "-out", request] + newKey(name))
        try "subjectAltName=\(names)\nbasicConstraints=CA:FALSE\n".write(
            toFile: extensions, atomically: true, encoding: .utf8)
        try openssl([
            "x509", "-req", "-in", request, "-CA", path(authority), "-CAkey", key(authority), "-CAcreateserial", "-days",
            "\(days)", "-extfile", extensions, "-out", path(name),
        ])
    }

    private func openssl(_ arguments: [String]) throws {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = ["openssl"] + arguments
        process.standardError = FileHandle.nullDevice
        process.standardOutput = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else { throw CommandFailed(arguments: arguments) }
    }

    /// A listener's context with one of the certificates.
    func server(_ name: String = "server", clients: String? = nil) throws -> TLSContext {
        try .server(
            TLSContext.ServerFiles(
                certificate: path(name), key: key(name), clientAuthorities: clients.map { path($0) }))
    }

    /// A client's context.
    func client(
        trusts authority: String? = "ca", shows certificate: String? = nil, serverName: String? = nil,
        skipsVerification: Bool = false
    ) throws -> TLSContext {
        var files = TLSContext.ClientFiles()
        files.authorities = authority.map { path($0) }
        files.certificate = certificate.map { path($0) }
        files.key = certificate.map { key($0) }
        files.serverName = serverName
        files.skipsVerification = skipsVerification
        return try .client(files)
    }
}
