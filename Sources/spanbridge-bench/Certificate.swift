import Transport

/// A certificate for 127.0.0.1 that is its own authority, made by openssl.
struct Certificate {
    let certificate: String
    let key: String
    private let scratch: ScratchDirectory

    init(in parent: String) throws {
        scratch = try ScratchDirectory(in: parent)
        certificate = "\(scratch.path)/certificate.pem"
        key = "\(scratch.path)/key.pem"
        try Tool([
            "openssl", "req", "-x509", "-days", "2", "-subj", "/CN=spanbridge-bench", "-addext",
            "subjectAltName=IP:127.0.0.1", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
            "-keyout", key, "-out", certificate,
        ]).run(in: scratch)
    }

    func server() throws -> TLSContext { try .server(TLSContext.ServerFiles(certificate: certificate, key: key)) }

    func client() throws -> TLSContext {
        var files = TLSContext.ClientFiles()
        files.authorities = certificate
        return try .client(files)
    }
}
