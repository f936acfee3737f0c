extension Configuration {
    /// The HTTP proxies that the environment names for all programs. A `proxy_url` beats them.
    package struct Proxies: Sendable, Hashable {
        /// `HTTP_PROXY`: for HTTP in plain text.
        package var http: ProxyEndpoint?
        /// `HTTPS_PROXY`: for TLS and for gRPC.
        package var https: ProxyEndpoint?
        /// `NO_PROXY`: names, addresses and networks that are connected to directly.
        package var exempt: [String] = []

        package init(http: ProxyEndpoint? = nil, https: ProxyEndpoint? = nil, exempt: [String] = []) {
            self.http = http
            self.https = https
            self.exempt = exempt
        }

        /// Each variable may be written in capitals or in small letters; capitals win. What cannot be read is warned about
        /// and ignored: the variables are for other programs too, which may know more kinds of proxies.
        mutating func read(_ reading: Reading) {
            http = proxy("HTTP_PROXY", reading)
            https = proxy("HTTPS_PROXY", reading)
            exempt = (variable("NO_PROXY", reading)?.value ?? "").split { $0 == "," || $0 == " " }.map(String.init)
        }

        private func proxy(_ name: String, _ reading: Reading) -> ProxyEndpoint? {
            guard let (name, value) = variable(name, reading) else { return nil }
            do throws(Mistake) {
                return try ProxyEndpoint.parse(value)
            } catch {
                reading.complain(
                    .warning, at: .environment(name), path: "",
                    "is ignored, so that everything is connected to directly: \(error.message)")
                return nil
            }
        }

        private func variable(_ name: String, _ reading: Reading) -> (name: String, value: String)? {
            [name, name.lowercased()].lazy.compactMap { name in reading.variable(name).map { (name, $0) } }.first
        }
    }
}
