#pragma once

#include <csignal>
#include <memory>
#include <string>

#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include "support/catch.hpp"
#include "support/loopback.hpp"
#include "support/peer_server.hpp"

namespace sluice::test {

/// A TLS server's side of one connection, with a certificate made on the spot that nobody has signed but itself.
class tls_identity {
 public:
  explicit tls_identity(const std::string& name)
      : key_(EVP_EC_gen("P-256"), EVP_PKEY_free), made_(SSL_CTX_new(TLS_server_method()), SSL_CTX_free) {
    std::signal(SIGPIPE, SIG_IGN);  // OpenSSL writes tickets to a client that may have left
    const std::unique_ptr<X509, decltype(&X509_free)> certificate(X509_new(), X509_free);
    X509* const x = certificate.get();
    X509_set_version(x, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
    X509_gmtime_adj(X509_getm_notBefore(x), -60);
    X509_gmtime_adj(X509_getm_notAfter(x), 3600);
    X509_set_pubkey(x, key_.get());
    X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC,
                               reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
    X509_set_issuer_name(x, X509_get_subject_name(x));
    REQUIRE(X509_sign(x, key_.get(), EVP_sha256()) != 0);
    REQUIRE(SSL_CTX_use_certificate(made_.get(), x) == 1);
    REQUIRE(SSL_CTX_use_PrivateKey(made_.get(), key_.get()) == 1);
  }

  /// Shakes hands on a blocking socket, then waits for the client to leave: the name that it asked for.
  std::string serve(int fd) const {
    support::set_blocking(fd, support::io_mode::blocking);
    const std::unique_ptr<SSL, decltype(&SSL_free)> talk(SSL_new(made_.get()), SSL_free);
    SSL_set_fd(talk.get(), fd);
    if (SSL_accept(talk.get()) != 1) return "failed";
    const char* asked = SSL_get_servername(talk.get(), TLSEXT_NAMETYPE_host_name);
    const std::string name = asked == nullptr ? "" : asked;
    char byte = 0;
    SSL_read(talk.get(), &byte, 1);
    return name;
  }

 private:
  std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key_;
  std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> made_;
};

}  // namespace sluice::test
