import COpenSSL
import Glibc
import Synchronization

/// Why no TLS context can be made of what was configured.
package struct TLSContextError: Error, Sendable, Hashable, CustomStringConvertible {
    /// Which of the files is at fault; its configuration key is for the caller to name.
    package enum Part: Sendable, Hashable {
        case certificate, key, authorities
    }

    package var part: Part
    /// The file's path, empty for the system's store.
    package var file: String
    package var reason: String

    package var description: String { file.isEmpty ? reason : "\(file): \(reason)" }
}

/// What all TLS connections of one listener or client have in common: certificate, key, authorities, rules. TLS 1.2 is
/// the least. The files are read when the context is made and again by `reloadIfChanged`.
package final class TLSContext: Sendable {
    /// The files of a listener, PEM.
    package struct ServerFiles: Sendable, Hashable {
        /// The certificate, followed by the authorities in between.
        package var certificate: String
        package var key: String
        /// Authorities of client certificates; if given, a client without one of theirs is refused.
        package var clientAuthorities: String?

        package init(certificate: String, key: String, clientAuthorities: String? = nil) {
            self.certificate = certificate
            self.key = key
            self.clientAuthorities = clientAuthorities
        }
    }

    /// What a client trusts and shows.
    package struct ClientFiles: Sendable, Hashable {
        /// Whom to trust, PEM; nil for the system's store.
        package var authorities: String?
        /// Shown to servers that ask, PEM; together with `key`.
        package var certificate: String?
        package var key: String?
        /// The name to ask for and to find in the server's certificate, instead of the endpoint's host.
        package var serverName: String?
        /// Takes any certificate of anybody.
        package var skipsVerification = false

        package init() {}
    }

    private enum Files: Sendable {
        case server(ServerFiles)
        case client(ClientFiles)

        var paths: [String] {
            switch self {
            case .server(let files): [files.certificate, files.key, files.clientAuthorities].compactMap(\.self)
            case .client(let files): [files.authorities, files.certificate, files.key].compactMap(\.self)
            }
        }
    }

    /// What tells one version of a file from another.
    private struct Stamp: Hashable {
        var modifiedSeconds = 0
        var modifiedNanoseconds = 0
        var size = 0
        var inode: UInt64 = 0

        init(_ path: String) {
            var status = stat()
            guard stat(path, &status) == 0 else { return }
            modifiedSeconds = status.st_mtim.tv_sec
            modifiedNanoseconds = status.st_mtim.tv_nsec
            size = status.st_size
            inode = UInt64(status.st_ino)
        }
    }

    private struct State {
        var handle: TLSContextHandle
        var stamps: [Stamp]
    }

    private let files: Files
    private let state: Mutex<State>

    /// A listener's context.
    ///
    /// - Throws: a file cannot be read, is not what it should be, or the key does not belong to the certificate.
    package static func server(_ files: ServerFiles) throws(TLSContextError) -> TLSContext {
        try TLSContext(.server(files))
    }

    /// A client's context. Checks the server's certificate and name unless told otherwise.
    ///
    /// - Throws: as for `server`.
    package static func client(_ files: ClientFiles = ClientFiles()) throws(TLSContextError) -> TLSContext {
        try TLSContext(.client(files))
    }

    private init(_ files: Files) throws(TLSContextError) {
        self.files = files
        // Before the files are read: what changes meanwhile is read once more.
        let stamps = files.paths.map(Stamp.init)
        state = Mutex(State(handle: try Self.build(files), stamps: stamps))
    }

    private static func build(_ files: Files) throws(TLSContextError) -> TLSContextHandle {
        switch files {
        case .server(let files): try TLSContextHandle(server: files)
        case .client(let files): try TLSContextHandle(client: files)
        }
    }

    /// Reads the files anew if one of them has changed; later handshakes use what they hold now, open connections go
    /// on as they are. From any thread.
    ///
    /// - Returns: whether there was something new.
    /// - Throws: the files are not usable as they are now. What was read before stays in use, and the next call tries
    ///   again: perhaps only one of two files has been replaced.
    package func reloadIfChanged() throws(TLSContextError) -> Bool {
        let stamps = files.paths.map(Stamp.init)
        guard state.withLock({ $0.stamps != stamps }) else { return false }
        let handle = try Self.build(files)
        state.withLock { $0 = State(handle: handle, stamps: stamps) }
        return true
    }

    /// What new connections are made of; each keeps its own reference.
    var handle: TLSContextHandle { state.withLock { $0.handle } }

    /// The name to ask for and to check, for a connection to `host`.
    func serverName(for host: String) -> String {
        if case .client(let files) = files, let name = files.serverName { return name }
        return host
    }

    var isServer: Bool {
        if case .server = files { true } else { false }
    }
}
