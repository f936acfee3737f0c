#pragma once
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>
#include <string.h>

// What OpenSSL offers as macros only, which Swift cannot call.

static inline int cssl_set_minimum_tls_1_2(SSL_CTX *context) {
    return (int)SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
}

// Frees record buffers of idle connections; accepts that the bytes to write may move.
static inline void cssl_set_modes(SSL_CTX *context) {
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE);
}

static inline int cssl_set_server_name(SSL *ssl, const char *name) {
    return (int)SSL_set_tlsext_host_name(ssl, name);
}

// An empty memory BIO says "come again" instead of "the end".
static inline BIO *cssl_new_memory(void) {
    BIO *bio = BIO_new(BIO_s_mem());
    if (bio) BIO_set_mem_eof_return(bio, -1);
    return bio;
}

static inline size_t cssl_pending(BIO *bio) { return BIO_ctrl_pending(bio); }

// A key that is protected by a passphrase is refused; without this OpenSSL asks on the terminal.
static inline int cssl_no_passphrase(char *buffer, int size, int writing, void *argument) {
    (void)buffer, (void)size, (void)writing, (void)argument;
    return -1;
}
static inline void cssl_refuse_passphrases(SSL_CTX *context) {
    SSL_CTX_set_default_passwd_cb(context, cssl_no_passphrase);
}

// The server chooses h2 before http/1.1; whoever offers neither is refused (RFC 7301, 3.2).
static inline int cssl_select_protocol(
    SSL *ssl, const unsigned char **out, unsigned char *length, const unsigned char *offered, unsigned int count,
    void *argument) {
    (void)ssl, (void)argument;
    static const unsigned char known[] = "\x02h2\x08http/1.1";
    int found = SSL_select_next_proto((unsigned char **)out, length, known, sizeof known - 1, offered, count);
    return found == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}
static inline void cssl_set_server_protocols(SSL_CTX *context) {
    SSL_CTX_set_alpn_select_cb(context, cssl_select_protocol, NULL);
}
