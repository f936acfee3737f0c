import COpenSSL
import Glibc

/// One SSL_CTX, filled once.
///
/// Unchecked Sendable: nothing changes it after initialisation but OpenSSL itself, under its own locks (the reference
/// count and the ticket keys); making connections of it is allowed from any thread (openssl-threads(7)).
final class TLSContextHandle: @unchecked Sendable {
    // Safe: made in init, freed in deinit; connections hold references of their own.
    let raw: OpaquePointer
    let verifies: Bool

    private init(isServer: Bool, verifies: Bool) throws(TLSContextError) {
        ERR_clear_error()
        guard let context = SSL_CTX_new(isServer ? TLS_server_method() : TLS_client_method()) else {
            throw TLSContextError(part: .certificate, file: "", reason: TLSErrors.take("TLS is not available"))
        }
        raw = context
        self.verifies = verifies
        cssl_set_modes(context)
        cssl_refuse_passphrases(context)
        guard cssl_set_minimum_tls_1_2(context) == 1 else {
            throw TLSContextError(part: .certificate, file: "", reason: TLSErrors.take("TLS 1.2 is not available"))
        }
        // Who is listed among the authorities is trusted, whether or not its own issuer is.
        X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(context), UInt(X509_V_FLAG_PARTIAL_CHAIN))
    }

    deinit {
        SSL_CTX_free(raw)
    }

    convenience init(server files: TLSContext.ServerFiles) throws(TLSContextError) {
        try self.init(isServer: true, verifies: files.clientAuthorities != nil)
        try use(certificate: files.certificate, key: files.key)
        cssl_set_server_protocols(raw)
        // Sessions are resumed by tickets, on this listener's context only.
        let name = Array("spanbridge".utf8)
        SSL_CTX_set_session_id_context(raw, name, UInt32(name.count))
        if let authorities = files.clientAuthorities {
            try trust(authorities)
            SSL_CTX_set_client_CA_list(raw, SSL_load_client_CA_file(authorities))
            SSL_CTX_set_verify(raw, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nil)
        }
    }

    convenience init(client files: TLSContext.ClientFiles) throws(TLSContextError) {
        try self.init(isServer: false, verifies: !files.skipsVerification)
        if let authorities = files.authorities {
            try trust(authorities)
        } else if SSL_CTX_set_default_verify_paths(raw) != 1 {
            throw TLSContextError(
                part: .authorities, file: "", reason: TLSErrors.take("the system's authorities cannot be read"))
        }
        if let certificate = files.certificate {
            try use(certificate: certificate, key: files.key ?? certificate)
        }
        SSL_CTX_set_verify(raw, files.skipsVerification ? SSL_VERIFY_NONE : SSL_VERIFY_PEER, nil)
    }

    private func use(certificate: String, key: String) throws(TLSContextError) {
        try checkReadable(certificate, .certificate)
        try checkReadable(key, .key)
        ERR_clear_error()
        guard SSL_CTX_use_certificate_chain_file(raw, certificate) == 1 else {
            throw TLSContextError(
                part: .certificate, file: certificate, reason: TLSErrors.take("is no PEM certificate"))
        }
        // Which key belongs to the certificate is checked right here, too.
        guard SSL_CTX_use_PrivateKey_file(raw, key, SSL_FILETYPE_PEM) == 1, SSL_CTX_check_private_key(raw) == 1 else {
            let isMismatch = TLSErrors.isKeyMismatch(ERR_peek_last_error())
            throw TLSContextError(
                part: .key, file: key,
                reason: TLSErrors.take(
                    isMismatch
                        ? "does not belong to the certificate \(certificate)"
                        : "is no PEM key without passphrase"))
        }
    }

    private func trust(_ authorities: String) throws(TLSContextError) {
        try checkReadable(authorities, .authorities)
        ERR_clear_error()
        guard SSL_CTX_load_verify_file(raw, authorities) == 1 else {
            throw TLSContextError(
                part: .authorities, file: authorities, reason: TLSErrors.take("holds no PEM certificates"))
        }
    }

    private func checkReadable(_ file: String, _ part: TLSContextError.Part) throws(TLSContextError) {
        let descriptor = open(file, O_RDONLY | O_CLOEXEC)
        let code = errno
        guard descriptor >= 0 else {
            // Safe: strerror_r writes at most the given size and ends with a zero byte.
            let text = withUnsafeTemporaryAllocation(of: CChar.self, capacity: 128) { buffer in
                guard let base = buffer.baseAddress else { return "error \(code)" }
                return strerror_r(code, base, buffer.count) == 0 ? String(cString: base) : "error \(code)"
            }
            throw TLSContextError(part: part, file: file, reason: "cannot be read: \(text)")
        }
        close(descriptor)
    }
}

/// OpenSSL's errors in words. Its queue is the calling thread's.
enum TLSErrors {
    /// `what` and the first of the waiting errors, which are forgotten.
    static func take(_ what: String) -> String {
        let code = ERR_get_error()
        ERR_clear_error()
        guard code != 0, let text = ERR_reason_error_string(code) else { return what }
        // Safe: OpenSSL returns constants.
        return "\(what) (\(String(cString: text)))"
    }

    /// The first of the waiting errors, which are forgotten; nil if none waits.
    static func takeReason() -> String? {
        let code = ERR_get_error()
        ERR_clear_error()
        // Safe: OpenSSL returns constants.
        return code == 0 ? nil : ERR_reason_error_string(code).map { String(cString: $0) } ?? "error \(code)"
    }

    static func isKeyMismatch(_ code: UInt) -> Bool {
        switch (ERR_GET_LIB(code), ERR_GET_REASON(code)) {
        case (ERR_LIB_X509, X509_R_KEY_VALUES_MISMATCH), (ERR_LIB_X509, X509_R_KEY_TYPE_MISMATCH): true
        // A key of another kind stands alone.
        case (ERR_LIB_SSL, SSL_R_NO_CERTIFICATE_ASSIGNED): true
        default: false
        }
    }
}
