#pragma once
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/sha.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

// Constants that OpenSSL has as macros Swift does not import.
static const uint64_t copenssl_no_compression = SSL_OP_NO_COMPRESSION;
static const uint64_t copenssl_no_renegotiation = SSL_OP_NO_RENEGOTIATION;
static const uint64_t copenssl_server_preference = SSL_OP_CIPHER_SERVER_PREFERENCE;

// Functions that OpenSSL has as macros only.
static inline int copenssl_tls_server_name(SSL *ssl, const char *name) { return (int)SSL_set_tlsext_host_name(ssl, name); }

// The peer's alert behind an error of OpenSSL (RFC 8446, section 6); 0: none.
static inline int copenssl_tls_alert(unsigned long error) {
  int reason = ERR_GET_REASON(error);
  return ERR_GET_LIB(error) == ERR_LIB_SSL && reason >= SSL_AD_REASON_OFFSET ? reason - SSL_AD_REASON_OFFSET : 0;
}

static inline size_t copenssl_bio_bytes(BIO *bio, const char **bytes) { return (size_t)BIO_get_mem_data(bio, (char **)bytes); }

// The bytes that a memory BIO has allocated.
static inline size_t copenssl_bio_capacity(BIO *bio) {
  BUF_MEM *memory = NULL;
  return BIO_get_mem_ptr(bio, &memory) > 0 && memory ? memory->max : 0;
}

// Frees the memory of an empty memory BIO; OpenSSL itself never shrinks it.
static inline void copenssl_bio_trim(BIO *bio, size_t kept) {
  if (BIO_ctrl_pending(bio) > 0 || copenssl_bio_capacity(bio) <= kept) return;
  BUF_MEM *fresh = BUF_MEM_new();
  if (fresh) BIO_set_mem_buf(bio, fresh, BIO_CLOSE);
}

static inline void copenssl_bio_reset(BIO *bio) { (void)BIO_reset(bio); }

// SHA-1 and SHA-256 with a state that can be copied and needs no memory of its own: the functions
// that OpenSSL 3 offers instead allocate for each digest. OpenSSL deprecates these ones because
// they bypass its providers (FIPS); they remain in the library.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
typedef SHA256_CTX copenssl_sha256_state;
static inline void copenssl_sha256_init(copenssl_sha256_state *state) { SHA256_Init(state); }
static inline void copenssl_sha256_update(copenssl_sha256_state *state, const void *bytes, size_t count) {
  SHA256_Update(state, bytes, count);
}
static inline void copenssl_sha256_final(copenssl_sha256_state *state, unsigned char *digest) { SHA256_Final(digest, state); }
static inline void copenssl_sha1(const void *bytes, size_t count, unsigned char *digest) {
  SHA_CTX state;
  SHA1_Init(&state);
  SHA1_Update(&state, bytes, count);
  SHA1_Final(digest, &state);
}
#pragma GCC diagnostic pop
