#include "io/hub/checksum.h"

#include <fmt/format.h>
#include <openssl/evp.h>

namespace lorica {

struct Checksum::State {
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  ~State() { EVP_MD_CTX_free(context); }
};

Checksum::Checksum(const std::string& name, size_t size) : state_(std::make_unique<State>()) {
  const bool git = name.size() == 40;
  EVP_DigestInit_ex(state_->context, git ? EVP_sha1() : EVP_sha256(), nullptr);
  if (git) add("blob " + std::to_string(size) + std::string(1, '\0'));
}

Checksum::~Checksum() = default;

void Checksum::add(std::string_view bytes) { EVP_DigestUpdate(state_->context, bytes.data(), bytes.size()); }

std::string Checksum::finish() {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned length = 0;
  EVP_DigestFinal_ex(state_->context, digest, &length);
  std::string hex;
  for (unsigned i = 0; i < length; ++i) hex += fmt::format("{:02x}", digest[i]);
  return hex;
}

}  // namespace lorica
