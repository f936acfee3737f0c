import COpenSSL

/// One TLS connection as a machine: encrypted bytes in, plain bytes out; plain bytes in, encrypted bytes out. No
/// sockets, no clock. Confined to one thread.
///
/// After every call the driver takes the output and sends it. After a failure there may be an alert in it.
final class TLSSession {
    enum Phase: Equatable {
        case handshake
        case open
        /// The peer has said that no more comes.
        case ended
        /// The connection is of no use any more; why, in words.
        case failed(String)
    }

    /// Plain bytes of one record (RFC 8446, 5.1).
    private static let recordSize = 16 << 10

    private(set) var phase = Phase.handshake
    let isServer: Bool
    private let verifies: Bool
    // Safe: made in init, freed in deinit; used by this object only (and tests).
    let ssl: OpaquePointer
    // Safe: owned by `ssl` from SSL_set_bio on, which lives as long as this object.
    private let incoming: OpaquePointer
    private let outgoing: OpaquePointer
    private var saidEnd = false

    /// One side of a connection. Nil if there is no memory for it, or the name to check cannot be one.
    ///
    /// - Parameters:
    ///   - host: for a client: what is connected to. Asked for and checked unless the context says otherwise.
    ///   - offers: for a client: what is offered by ALPN, in this order.
    init?(_ context: TLSContext, host: String = "", offers: [String] = []) {
        ERR_clear_error()
        let handle = context.handle
        guard let ssl = SSL_new(handle.raw) else { return nil }
        guard let incoming = cssl_new_memory() else {
            SSL_free(ssl)
            return nil
        }
        guard let outgoing = cssl_new_memory() else {
            BIO_free(incoming)
            SSL_free(ssl)
            return nil
        }
        SSL_set_bio(ssl, incoming, outgoing)
        self.ssl = ssl
        self.incoming = incoming
        self.outgoing = outgoing
        isServer = context.isServer
        verifies = handle.verifies
        if context.isServer {
            SSL_set_accept_state(ssl)
        } else {
            SSL_set_connect_state(ssl)
            guard setName(context.serverName(for: host), verifies: handle.verifies), setOffers(offers) else {
                return nil
            }
            advance()
        }
    }

    deinit {
        SSL_free(ssl)
    }

    private func setName(_ name: String, verifies: Bool) -> Bool {
        guard !name.isEmpty else { return !verifies }
        // An address is looked for among the certificate's addresses, and never asked for (RFC 6066, 3).
        if SocketAddress(host: name, port: 0) != nil {
            return !verifies || X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), name) == 1
        }
        let name = name.hasSuffix(".") ? String(name.dropLast()) : name
        return cssl_set_server_name(ssl, name) == 1 && (!verifies || SSL_set1_host(ssl, name) == 1)
    }

    private func setOffers(_ offers: [String]) -> Bool {
        let list = offers.flatMap { [UInt8(truncatingIfNeeded: $0.utf8.count)] + Array($0.utf8) }
        // This one returns 0 for success.
        return list.isEmpty || SSL_set_alpn_protos(ssl, list, UInt32(list.count)) == 0
    }

    /// What was agreed on by ALPN; nil if nothing.
    var applicationProtocol: String? {
        var name: UnsafePointer<UInt8>?
        var length: UInt32 = 0
        SSL_get0_alpn_selected(ssl, &name, &length)
        // Safe: OpenSSL's memory, read at once.
        return name.map { String(decoding: UnsafeBufferPointer(start: $0, count: Int(length)), as: UTF8.self) }
    }

    // MARK: From the peer

    /// Takes what the peer sent, in any split, and appends what it means, which is less than has come so far.
    func receive(_ bytes: UnsafeRawBufferPointer, into plain: inout [UInt8]) {
        guard phase == .handshake || phase == .open else { return }
        var rest = bytes
        while let base = rest.baseAddress, !rest.isEmpty {
            let count = BIO_write(incoming, base, Int32(clamping: rest.count))
            guard count > 0 else { return fail("no memory for received bytes") }
            rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(Int(count)))
        }
        advance()
        while phase == .open, read(into: &plain) {}
    }

    /// The connection has ended below. Without the peer's word for it something may have been cut off.
    func receiveEnd() {
        switch phase {
        case .handshake: phase = .failed("the peer closed the connection during the handshake")
        case .open: phase = .failed("the connection ended without notice, perhaps cut off")
        case .ended, .failed: break
        }
    }

    private func advance() {
        guard phase == .handshake else { return }
        ERR_clear_error()
        let code = SSL_do_handshake(ssl)
        if code == 1 { phase = .open } else { check(code) }
    }

    /// Reads what one record held. False if there is no whole record.
    private func read(into plain: inout [UInt8]) -> Bool {
        ERR_clear_error()
        return withUnsafeTemporaryAllocation(byteCount: Self.recordSize, alignment: 16) { buffer in
            let code = SSL_read(ssl, buffer.baseAddress, Int32(buffer.count))
            guard code > 0 else {
                check(code)
                return false
            }
            plain.append(contentsOf: UnsafeRawBufferPointer(buffer)[..<min(Int(code), buffer.count)])
            return true
        }
    }

    private func check(_ code: Int32) {
        switch SSL_get_error(ssl, code) {
        case SSL_ERROR_WANT_READ, SSL_ERROR_WANT_WRITE:
            break
        case SSL_ERROR_ZERO_RETURN:
            phase = .ended
        default:
            let verdict = SSL_get_verify_result(ssl)
            var reason = TLSErrors.takeReason() ?? "the connection broke"
            if verifies, verdict != Int(X509_V_OK), let text = X509_verify_cert_error_string(verdict) {
                // Safe: OpenSSL returns constants.
                reason += ": \(String(cString: text))"
            }
            fail(reason)
        }
    }

    private func fail(_ reason: String) {
        ERR_clear_error()
        phase = .failed(reason)
    }

    // MARK: To the peer

    /// Encrypts; only after the handshake. False if the connection is of no use.
    func send(_ plain: UnsafeRawBufferPointer) -> Bool {
        guard phase == .open || phase == .ended, !saidEnd else { return false }
        var rest = plain
        while let base = rest.baseAddress, !rest.isEmpty {
            ERR_clear_error()
            // Memory takes all of it.
            let count = SSL_write(ssl, base, Int32(clamping: rest.count))
            guard count > 0 else {
                check(count)
                return false
            }
            rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(Int(count)))
        }
        return true
    }

    /// Tells the peer that no more comes.
    func sendEnd() {
        guard phase == .open || phase == .ended, !saidEnd else { return }
        saidEnd = true
        ERR_clear_error()
        SSL_shutdown(ssl)
        ERR_clear_error()
    }

    /// Bytes that are to be sent.
    var outputCount: Int { cssl_pending(outgoing) }

    /// What is to be sent.
    func takeOutput() -> [UInt8] {
        let pending = outputCount
        guard pending > 0 else { return [] }
        return [UInt8](unsafeUninitializedCapacity: pending) { buffer, count in
            // Safe: writes at most `pending` bytes into a buffer of that many, and says how many.
            count = max(0, Int(BIO_read(outgoing, buffer.baseAddress, Int32(clamping: pending))))
        }
    }
}
