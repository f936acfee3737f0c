import OTLP
import Testing

@testable import Correlation

@Suite struct DerivedIDsTests {
    // python3: hashlib.sha256(b"\0".join([purpose, tenant, execution])).hexdigest()
    @Test(
        "derived ids are the same on every run and replica",
        arguments: [
            ("main", "7FgWKru6FAVb8KJglSELLW", "8c85a6bb646b15c28852c8910c83f0ed", "aa97f8d99ea416b7"),
            ("", "7FgWKru6FAVb8KJglSELLW", "1c4618efa2c3ff2b006d9ac2228ab1cc", "f46bfff264e48a81"),
            ("ünïcode", "x", "908a149fd74affcf64e1892b114acb26", "7c9ef6ca60989dc9"),
        ])
    func vectors(tenant: String, execution: String, trace: String, span: String) {
        #expect(DerivedIDs.trace(tenant: tenant, execution: execution).hex == trace)
        #expect(DerivedIDs.executionSpan(tenant: tenant, execution: execution).hex == span)
    }

    @Test("tenant and execution do not run into each other")
    func separated() {
        #expect(DerivedIDs.trace(tenant: "a", execution: "bc") != DerivedIDs.trace(tenant: "ab", execution: "c"))
    }

    @Test("SHA-256 gives the digests of FIPS 180-4")
    func digest() {
        func hex(_ text: String) -> String {
            Digest.sha256(Array(text.utf8)).map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
        }
        #expect(hex("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
        #expect(hex("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
    }
}
