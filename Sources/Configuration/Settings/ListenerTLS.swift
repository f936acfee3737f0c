extension Configuration {
    /// TLS of a listener, in the collector's words. Without the section the listener takes plain text.
    package struct ListenerTLS: SettingsSection, Hashable {
        /// PEM files: the certificate, followed by the authorities in between, and its key. Both are required.
        package var certFile: String?
        package var keyFile: String?
        /// PEM file of authorities; if given, only clients with a certificate of one of them are let in.
        package var clientCAFile: String?

        package init() {}

        mutating func read(_ section: Section) {
            section.text("cert_file", &certFile)
            section.text("key_file", &keyFile)
            section.text("client_ca_file", &clientCAFile)
            guard section.isTouched else { return }
            for (name, file) in [("cert_file", certFile), ("key_file", keyFile)] where (file ?? "").isEmpty {
                guard section.reading.origin(of: section.path(of: name)) == .builtIn || file != nil else { continue }
                section.reading.complain(
                    at: section.origin, path: section.path(of: name),
                    "is missing: a listener with TLS needs cert_file and key_file")
            }
        }
    }
}
